"""S3: so far only whether the bucket answers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Blobs:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 2}, s3={"addressing_style": "path"})
        return boto3.client(
            "s3", region_name=self._settings.aws_region, endpoint_url=self._settings.aws_endpoint_url, config=config
        )

    def check(self) -> None:
        """Raises whatever boto3 raises if the bucket cannot be reached."""
        self._client.head_bucket(Bucket=self._settings.bucket)
