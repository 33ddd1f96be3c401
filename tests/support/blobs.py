"""Buckets in memory, for tests in which the storage is not what is tried."""

from __future__ import annotations

from chalicelib.adapters.s3 import Upload


class MemoryBlobs:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}

    def put(self, key: str, data: bytes, media_type: str) -> None:
        self.kept[key] = data

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def get_upload(self, key: str, most: int) -> bytes | None:
        data = self.uploads.get(key)
        return None if data is None else data[:most]

    def delete_upload(self, key: str) -> None:
        self.uploads.pop(key, None)

    def presign_upload(self, key: str, size: int, media_type: str, within: int) -> Upload:
        headers = {"Content-Type": media_type, "Content-Length": str(size)}
        return Upload(f"http://127.0.0.1:1/{key}", "PUT", headers)

    def presign_download(self, key: str, media_type: str, within: int) -> str:
        return f"http://127.0.0.1:1/{key}"
