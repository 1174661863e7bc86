"""Detection of invalid UTF-8 in texts decoded with surrogate escapes, with row and column."""

from training.engine.errors import CorruptData


def unicode(text: str, row: int, column: str) -> str:
    """Return ``text`` if it is valid. Raises CorruptData for bytes that are not UTF-8."""
    if wrong := not_utf8(text):
        raise CorruptData(f"Row {row:,}, column “{column}”: not UTF-8 ({wrong}). Save the file as UTF-8.")
    return text


def not_utf8(text: str) -> str:
    """Return a description of the invalid UTF-8 in ``text``, empty where it is valid."""
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        return f"byte 0x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"half a character, U+{code:04X}"
    return ""
