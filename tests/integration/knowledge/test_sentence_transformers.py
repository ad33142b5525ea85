"""A sentence-transformers model of one's own: here a tiny one with random weights, made on the spot."""

import asyncio
import importlib
from pathlib import Path
from typing import Any

import pytest

from app.backend.knowledge.embeddings import embedder_name
from app.backend.knowledge.local_embedders import make_local_embedder
from app.backend.models.files import ensure_default_models
from tests.stack import Stack, settings_of

SIZE = 32


def make_model(folder: Path, tokenizer: Path) -> None:
    transformers: Any = importlib.import_module("transformers")
    sentence: Any = importlib.import_module("sentence_transformers")
    plain = folder.with_name("plain")
    config = transformers.BertConfig(
        hidden_size=SIZE,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=SIZE,
    )
    transformers.BertModel(config).save_pretrained(plain)
    words = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    words.save_pretrained(plain)
    sentence.SentenceTransformer(str(plain), device="cpu").save(str(folder))


@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore")  # what torch and transformers warn of is theirs
async def test_any_local_model_embeds(stack: Stack, tmp_path: Path) -> None:
    files = ensure_default_models(settings_of(stack.folder).models_dir)
    folder = tmp_path / "my-model"
    await asyncio.to_thread(make_model, folder, files.tokenizer)

    embedder = make_local_embedder(
        str(folder), model=files.embedder, tokenizer=files.tokenizer
    )

    vectors = await embedder.embed([f"Text number {n}." for n in range(20)])
    assert embedder.name == embedder_name(str(folder)) == "my-model"
    assert {len(vector) for vector in vectors} == {SIZE}
    assert sum(value * value for value in vectors[0]) == pytest.approx(1, abs=1e-3)
    await embedder.close()
