"""Serves a GGUF file by the OpenAI-like server of llama-cpp-python on this machine.

It runs in the environment of read_gguf.py, prints its address as JSON once it listens, and ends when its standard input does:

    .venv-gguf/bin/python data/reference/judge_server.py FILE
"""

import json
import socket
import sys
import threading

import llama_cpp
import uvicorn
from llama_cpp.server.app import create_app
from llama_cpp.server.settings import ModelSettings, ServerSettings


def end_with_stdin(server):
    """Ends the server when nobody holds its standard input open any more."""
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    model = ModelSettings(model=sys.argv[1], n_ctx=0, n_threads=1, n_threads_batch=1, verbose=False)
    app = create_app(server_settings=ServerSettings(host="127.0.0.1", port=port), model_settings=[model])
    server = uvicorn.Server(uvicorn.Config(app, fd=listener.fileno(), log_level="warning"))
    threading.Thread(target=end_with_stdin, args=[server], daemon=True).start()
    # Whoever connects now waits in the listener's queue until the server takes over.
    address = {"address": f"http://127.0.0.1:{port}", "versions": {"llama-cpp-python": llama_cpp.__version__}}
    print(json.dumps(address), flush=True)
    server.run()
