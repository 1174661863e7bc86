"""Load the laboratory's own templates."""

from django.template import Origin
from django.template.loaders.filesystem import Loader as FileSystemLoader


class Loader(FileSystemLoader):
    """Leave out the newline at the end of an HTML file, so that an included file can stand in the middle of a line."""

    def get_contents(self, origin: Origin) -> str:
        contents = super().get_contents(origin)
        return contents.removesuffix("\n") if origin.name.endswith(".html") else contents
