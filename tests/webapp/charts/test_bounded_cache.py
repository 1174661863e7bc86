"""A cache with a bounded size drops the least recently used values."""

from webapp.charts.bounded_cache import BoundedCache


def test_the_least_recently_used_values_are_dropped_first() -> None:
    cache: BoundedCache[str] = BoundedCache(30)
    for name in "abc":
        cache.put(name, 10 * name)
    cache.get("a")
    cache.put("d", 10 * "d")
    assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]
    cache.put("e", 31 * "e")
    assert cache.get("e") is None


def test_a_replaced_value_counts_once() -> None:
    cache: BoundedCache[bytes] = BoundedCache(10)
    for value in (b"12345678", b"1234"):
        cache.put("a", value)
    cache.put("b", b"123456")
    assert (cache.get("a"), cache.get("b")) == (b"1234", b"123456")
