#!/usr/bin/env bash
# A topic without messages: extraction does nothing and leaves nothing, checked over HTTP (foundation v0.2.0).
set -u -o pipefail
. "$(dirname "${BASH_SOURCE[0]}")/e2e_lib.sh"

usage() {
  cat <<'HELP'
Checks a running Glia: extracting an empty topic answers {ok: true, reason: "no_messages"} and leaves no run, no cards
and no job.

Usage: GLIA_URL=... GLIA_TOKEN=... scripts/e2e_cards_empty_topic_noop.sh

  GLIA_URL          address of the API, with its stage prefix if it has one: http://127.0.0.1:8765, https://.../api
  GLIA_TOKEN        a token or an API key of the user whose data is used
  GLIA_E2E_TIMEOUT  seconds to wait for any one thing (default 60)

Works in topics of its own, which it archives at the end; the user's other data stays as it is.
One line a check. Exit: 0 all hold, 1 one does not, 2 usage.
HELP
}

case ${1:-} in
  -h | --help) usage; exit 0 ;;
  '') ;;
  *) printf '%s: unknown argument %s (--help tells more)\n' "${0##*/}" "$1" >&2; exit 2 ;;
esac
setup

check_no_op() { # what, path of the extraction
  post "$2" ''
  check_equal "$1: 200, ok and no_messages" "200 true no_messages" "$STATUS $(field ok) $(field reason)"
  check_lacks "$1: no job" "$BODY" job_id
}

check_nothing() { # what, topic
  list_runs "$2"
  check_equal "$1 has no run" "" "$(fields run_id)"
  list_cards "$2"
  check_equal "$1 has no cards" "" "$(fields card_id)"
}

# A neighbour with messages, which must not be extracted in the empty topic's stead.
open_topic "e2e neighbour"; FULL=$TOPIC
say "$FULL" "We decided to keep the weekly review on Friday afternoon."
extract "$FULL"
list_runs "$FULL"; RUNS_BEFORE=$BODY
list_cards "$FULL"; CARDS_BEFORE=$BODY
check_some "the neighbour has cards" "$(fields card_id)"

open_topic "e2e empty"; EMPTY=$TOPIC
check_nothing "the empty topic, untouched," "$EMPTY"
check_no_op "extracting it" "/topics/$EMPTY/extract"
check_no_op "extracting it again" "/topics/$EMPTY/extract"
check_no_op "extracting the conversation while it is the active topic" "/conversations/$CONVERSATION/extract"
request PATCH "/topics/$FULL" '{"is_active": true}'
expect 200 "PATCH /topics/{id}"
check_no_op "extracting it while a topic with messages is active" "/topics/$EMPTY/extract"
check_nothing "the empty topic, extracted," "$EMPTY"
get "/topics/$EMPTY"
check_equal "the empty topic has no messages" 0 "$(field message_count)"
list_runs "$FULL"
check_equal "the neighbour has the same runs as before" "$RUNS_BEFORE" "$BODY"
list_cards "$FULL"
check_equal "the neighbour has the same cards as before" "$CARDS_BEFORE" "$BODY"

# A topic that becomes empty is like one that always was.
list_messages "$FULL"
for MESSAGE in $(fields message_id); do
  request DELETE "/messages/$MESSAGE" ''
  [ "$STATUS" = 404 ] || expect 204 "DELETE /messages/{id}"
done
list_cards "$FULL"
check_equal "a topic whose messages were all deleted has no cards" "" "$(fields card_id)"
check_no_op "extracting a topic that was emptied" "/topics/$FULL/extract"
list_cards "$FULL"
check_equal "it still has no cards" "" "$(fields card_id)"
finish
