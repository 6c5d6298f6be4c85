"""Serves neotoma, all of it, with the conformance suite's fixtures in its MCP server: ``served.py --port PORT``.

The suite asks for what neotoma does without: prompts, resources, sampling, sessions with streams. So this process
keeps sessions; the middleware, the guard with its tokens and names, and the tools are those of any other process.
"""

import sys
import warnings
from functools import partial

import fixtures
from mcp.shared.exceptions import MCPDeprecationWarning

from neotoma.__main__ import main
from neotoma.mcp import http

if __name__ == "__main__":
    warnings.simplefilter("ignore", MCPDeprecationWarning)  # the suite asks for features that are on their way out
    http.serving = partial(http.serving, make=fixtures.build, sessions=True)
    sys.exit(main(["serve", *sys.argv[1:]]))
