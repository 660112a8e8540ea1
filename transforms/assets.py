"""Which known asset a link or an attachment is (semantics 2.8)."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.crm import Asset


class AssetBook:
    @staticmethod
    def build(assets: Iterable[Asset]) -> AssetBook:
        raise NotImplementedError

    def by_link(self, url: str) -> Asset | None:
        raise NotImplementedError

    def by_filename(self, name: str) -> Asset | None:
        raise NotImplementedError

    def by_id(self, asset_id: str) -> Asset | None:
        raise NotImplementedError
