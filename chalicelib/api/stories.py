"""`/topics/{id}/story`: what happened in a topic, told from its cards."""

from __future__ import annotations

from chalice.app import Response

from chalicelib.adapters.postgres import Transaction
from chalicelib.api.answers import answer, page
from chalicelib.api.requests import Page, cursor_int, encode_cursor, path_uuid
from chalicelib.api.resource import Call, Resource
from chalicelib.api.story_views import (
    CompareQuery,
    StoryComparisonView,
    StoryNothing,
    StoryQuery,
    StoryQueued,
    StoryVersionPage,
    StoryView,
    comparison_view,
    story_view,
    version_view,
)
from chalicelib.conversations.errors import TopicNotFound
from chalicelib.jobs.service import Answer

resource = Resource("stories", "stories")


@resource.get("/topics/{topic_id}/story", query=StoryQuery, answers={200: StoryView}, errors=(404,))
def get_story(call: Call) -> Response:
    """The story of a topic: each paragraph with the cards it rests on and the words those cite.

    It is told anew by itself after the topic's cards have changed; `version` names an older one.
    """
    topic_id = path_uuid(call.path["topic_id"], TopicNotFound)
    return answer(200, story_view(call.services.stories.story(call.user_id, topic_id, call.query.version)))


@resource.get("/topics/{topic_id}/story/versions", query=Page, answers={200: StoryVersionPage}, errors=(404,))
def get_story_versions(call: Call) -> Response:
    """The versions of a topic's story, newest first, without their words."""
    topic_id, limit = path_uuid(call.path["topic_id"], TopicNotFound), call.query.limit
    before = cursor_int("story-versions", call.query.cursor) or None
    found = call.services.stories.versions(call.user_id, topic_id, before, limit + 1)
    return page(
        StoryVersionPage, found, limit, version_view, lambda version: encode_cursor("story-versions", version.version)
    )


@resource.get("/topics/{topic_id}/story/compare", query=CompareQuery, answers={200: StoryComparisonView}, errors=(404,))
def get_story_comparison(call: Call) -> Response:
    """What changed in a story between two versions: paragraphs added, removed and changed.

    By default from the version before the newest to the newest.
    """
    topic_id, query = path_uuid(call.path["topic_id"], TopicNotFound), call.query
    compared = call.services.stories.compare(call.user_id, topic_id, query.before, query.after)
    return answer(200, comparison_view(compared))


@resource.post(
    "/topics/{topic_id}/story",
    answers={202: StoryQueued, 200: StoryNothing},
    errors=(404,),
    is_idempotent=True,
)
def post_story(call: Call) -> Response:
    """Tell the story of a topic now.

    Follow the job at `/jobs/{job_id}`. A topic without cards has nothing to tell: 200, and no job.
    """
    topic_id = path_uuid(call.path["topic_id"], TopicNotFound)

    def write(tx: Transaction) -> Answer:
        job_id = call.services.stories.request(tx, call.user_id, topic_id, call.request_id)
        if job_id is None:
            return 200, StoryNothing().model_dump(mode="json")
        return 202, StoryQueued(job_id=job_id).model_dump(mode="json")

    return call.write(write)
