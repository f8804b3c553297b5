from typing import cast

from artifacts.workspace import RunWorkspace

# For graphs that write nothing: none of their nodes asks for one.
NOBODYS = cast("RunWorkspace", None)
