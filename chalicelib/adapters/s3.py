"""S3: the bucket of what is kept, and that of raw uploads. Passing errors are tried again, with jittered back-off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.errors import Unavailable
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRIES = 4
MISSING = {"NoSuchKey", "404", "NotFound"}


class StorageUnavailable(Unavailable):
    """The storage is not available right now; try again."""

    code = "storage_unavailable"


@dataclass(frozen=True, slots=True)
class Upload:
    """Where and how a client puts a payload: exactly these headers, exactly so many bytes."""

    url: str
    method: str
    headers: dict[str, str]


class S3Blobs:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=2,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            signature_version="s3v4",
            s3={"addressing_style": "path"},
        )
        return boto3.client(
            "s3", region_name=self._settings.aws_region, endpoint_url=self._settings.aws_endpoint_url, config=config
        )

    def check(self) -> None:
        """Raises whatever boto3 raises if the bucket cannot be reached."""
        self._client.head_bucket(Bucket=self._settings.bucket)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        with _translated():
            self._client.put_object(Bucket=self._settings.bucket, Key=key, Body=data, ContentType=media_type)

    def get(self, key: str) -> bytes | None:
        return self._read(self._settings.bucket, key, None)

    def get_upload(self, key: str, most: int) -> bytes | None:
        return self._read(self._settings.upload_bucket, key, most)

    def delete_upload(self, key: str) -> None:
        with _translated():
            self._client.delete_object(Bucket=self._settings.upload_bucket, Key=key)

    def presign_upload(self, key: str, size: int, media_type: str, within: int) -> Upload:
        """Length and type are signed: another body is refused by S3 itself."""
        said = {"Bucket": self._settings.upload_bucket, "Key": key, "ContentType": media_type, "ContentLength": size}
        url = self._client.generate_presigned_url("put_object", Params=said, ExpiresIn=within)
        return Upload(url, "PUT", {"Content-Type": media_type, "Content-Length": str(size)})

    def presign_download(self, key: str, media_type: str, within: int) -> str:
        """Browsers are told to save it, never to show it."""
        said = {
            "Bucket": self._settings.bucket,
            "Key": key,
            "ResponseContentType": media_type,
            "ResponseContentDisposition": "attachment",
        }
        return self._client.generate_presigned_url("get_object", Params=said, ExpiresIn=within)

    def _read(self, bucket: str, key: str, most: int | None) -> bytes | None:
        from botocore.exceptions import ClientError

        try:
            with _translated():
                return self._client.get_object(Bucket=bucket, Key=key)["Body"].read(most)
        except StorageUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in MISSING:
                return None
            raise


@contextmanager
def _translated() -> Iterator[None]:
    """What is left of boto3's errors when its tries are used up."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StorageUnavailable() from error
