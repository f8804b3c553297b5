"""The process that holds the embedded model's weights: started by `host.py`, told what to do on stdin.

The first line of stdin is a JSON object: `model` (path), `name`, `key`, `threads`, `slots`, `context` (tokens in all).
One line is answered on stdout, a JSON object with the `url` it listens at. Stdin stays open for as long as the parent
lives: its end, however the parent came to it, ends this process.
"""

import json
import os
import sys

import xllamacpp


def serve(order: dict[str, object]) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    # Else answers name the file's path as their model.
    params.model_alias = {order["name"]}
    params.api_keys = [order["key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = order["context"]
    params.n_parallel = order["slots"]
    # One pool of cells for all slots: a lone conversation may fill the whole window.
    params.kv_unified = True
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    # Between batches others have their turn, and a caller's leaving is noticed.
    params.n_batch = params.n_ubatch = 128
    params.warmup = False
    params.verbosity = 0
    params.ui = False
    params.use_jinja = True
    return xllamacpp.Server(params)


def main() -> None:
    order = json.loads(sys.stdin.readline())
    # llama.cpp writes what it does to stdout and stderr: our answer needs a stdout of its own.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = serve(order)
    answer.write(json.dumps({"url": server.listening_address}) + "\n")
    answer.flush()
    while sys.stdin.readline():
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
