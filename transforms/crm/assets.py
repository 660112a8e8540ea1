"""Which known asset a link or an attachment is (semantics 2.8).

A link matches if, without query, it starts with the asset's url; scheme and host are compared without regard to case,
and a fragment counts where the asset's url has one (a page of a script: ``/#/pricing``). Of several the longest url
wins, of equal ones the smallest asset_id. So an asset whose own url has a query matches no link: cutting it off would
claim every page behind the same script. A file name matches by the asset's glob, without regard to case or to how
accents are composed; of several the longest glob wins.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from transforms.crm.rows import Asset

_MEMO_LIMIT = 16_384


class AssetBook:
    """Build it with ``AssetBook.build``; the order of the assets does not matter."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._by_id: dict[str, Asset] = {}
        self._by_url: dict[str, Asset] = {}
        self._links: dict[str, Asset | None] = {}
        globs: list[tuple[str, Asset]] = []
        for asset in sorted(set(assets), key=lambda one: (one.asset_id, repr(one))):
            if self._by_id.setdefault(asset.asset_id, asset) is not asset:
                continue
            if asset.url and not has_query(asset):
                self._by_url.setdefault(_plain(asset.url), asset)
            if asset.filename:
                globs.append((_folded(asset.filename), asset))
        self._lengths = sorted({len(url) for url in self._by_url}, reverse=True)
        globs.sort(key=lambda one: (-len(one[0]), one[1].asset_id))
        self._globs = [(re.compile(fnmatch.translate(glob)), asset) for glob, asset in globs]

    @staticmethod
    def build(assets: Iterable[Asset]) -> AssetBook:
        return AssetBook(assets)

    def by_link(self, url: str) -> Asset | None:
        """The asset that a link leads to; remembered, for the same few links are shared again and again."""
        try:  # one look: between two, another thread's folder may have begun to remember afresh
            return self._links[url]
        except KeyError:
            pass
        if len(self._links) >= _MEMO_LIMIT:
            self._links.clear()
        found = self._links[url] = self._look_up(url)
        return found

    def _look_up(self, url: str) -> Asset | None:
        plain = _plain(url)
        for length in self._lengths:
            found = self._by_url.get(plain[:length])
            if found is not None:
                return found
        return None

    def by_filename(self, name: str) -> Asset | None:
        """The asset that an attachment of this name is; folders before the name do not matter."""
        folded = _folded(name.replace("\\", "/").rpartition("/")[2])
        for pattern, asset in self._globs:
            if pattern.match(folded):
                return asset
        return None

    def by_id(self, asset_id: str) -> Asset | None:
        return self._by_id.get(asset_id)


def has_query(asset: Asset) -> bool:
    """Whether the asset's own url has one, so that no link is found to lead to it."""
    return "?" in (asset.url or "")


def _plain(url: str) -> str:
    """Without query; scheme and host in lower case."""
    page, _, fragment = url.strip().partition("#")
    bare = page.partition("?")[0] + (f"#{fragment}" if fragment else "")
    scheme, colon, rest = bare.partition("://")
    if not colon:
        return bare
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}"


@lru_cache(maxsize=16_384)
def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip()).casefold()
