"""Speech that a tiny model can learn: each letter is a tone. And recognisers with random weights."""

import json
from pathlib import Path

import numpy as np
import soundfile
import torch

from crosstune.core.seeding import generator
from crosstune.core.sound import Sound
from crosstune.sources.base import Backbone, OpenOptions
from tests.support.tiny import MemoryItems

LETTERS = "abc"
TONES = {"a": 500.0, "b": 1200.0, "c": 2600.0, " ": 0.0}
RATE = 8_000
SYMBOLS = ("<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS.upper())
TASK = "automatic-speech-recognition"


def sung(text: str, *, each_s: float = 0.15, seed: int = 0) -> Sound:
    """Sing a text: a tone for each letter, silence for a space, with a little noise."""
    random = generator(seed, "sung", text)
    time = np.arange(int(each_s * RATE)) / RATE
    window = np.hanning(len(time))
    parts = [0.4 * np.sin(2 * np.pi * TONES[one] * time) * window for one in text]
    samples = np.concatenate(parts) + 0.01 * random.standard_normal(len(time) * len(text))
    return Sound(samples.astype(np.float32), RATE)


def random_songs(n: int, seed: int = 0) -> list[str]:
    """Draw ``n`` texts of one to three words of one to three letters."""
    random = generator(seed, "songs")
    words = [["".join(random.choice(list(LETTERS), random.integers(1, 4)))
              for _ in range(random.integers(1, 4))] for _ in range(n)]  # fmt: skip
    return [" ".join(one) for one in words]


def song_items(n: int, seed: int = 0) -> MemoryItems:
    """Give ``n`` songs with their texts as targets."""
    texts = random_songs(n, seed)
    return MemoryItems([sung(text, seed=index) for index, text in enumerate(texts)], texts)


def write_songs(folder: Path, n: int, seed: int = 0) -> Path:
    """Write WAV files and a manifest with the columns path and text; returns the manifest."""
    folder.mkdir(parents=True)
    lines = ["path,text"]
    for index, text in enumerate(random_songs(n, seed)):
        soundfile.write(folder / f"{index:03d}.wav", sung(text, seed=index).samples, RATE)
        lines.append(f"{index:03d}.wav,{text}")
    (folder / "songs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "songs.csv"


def tiny_recogniser_dir(
    path: Path, *, family: str = "wav2vec2", symbols: tuple[str, ...] = SYMBOLS, seed: int = 0
) -> Path:
    """Save a CTC model (width 32, two layers, dropout 0.1), its extractor, and a vocabulary if one is given.

    ``wav2vec2`` is the base kind (group norm, no mask), ``hubert`` the large one (layer norms, a mask),
    ``wav2vec2-bert`` reads log-mel frames.
    """
    import transformers

    vocabulary = {"vocab_size": max(len(symbols), 4), "pad_token_id": 0}
    if family == "wav2vec2-bert":
        config = transformers.Wav2Vec2BertConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            feature_projection_input_dim=32, conv_depthwise_kernel_size=3, layerdrop=0.2,
            position_embeddings_type="relative_key", initializer_range=0.2, **vocabulary,
        )  # fmt: skip
        extractor = transformers.SeamlessM4TFeatureExtractor(
            feature_size=16, num_mel_bins=16, sampling_rate=RATE, stride=2, padding_value=0.0
        )
    else:
        large = family == "hubert"
        name = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert"}[family]
        config = getattr(transformers, f"{name}Config")(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            conv_dim=[16, 16, 24], conv_kernel=[10, 4, 4], conv_stride=[5, 4, 4], num_feat_extract_layers=3,
            num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, layerdrop=0.2, mask_time_prob=0.3,
            mask_time_length=2, feat_extract_norm="layer" if large else "group", do_stable_layer_norm=large,
            conv_bias=large, initializer_range=0.2, **vocabulary,
        )  # fmt: skip
        extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=large)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.AutoModelForCTC.from_config(config).save_pretrained(path)
    extractor.save_pretrained(path)
    if symbols:
        numbers = {symbol: number for number, symbol in enumerate(symbols)}
        (path / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    return path


PIECES = ("<|endoftext|>", "<|startoftranscript|>", "<|de|>", "<|en|>", "<|translate|>", "<|transcribe|>",
          "<|startofprev|>", "<|notimestamps|>")  # fmt: skip


def tiny_transcriber_dir(
    path: Path,
    *,
    letters: str = LETTERS,
    languages: bool = True,
    positions: int = 24,
    seed: int = 0,
    **config: object,
) -> Path:
    """Save a Whisper that writes (width 32, two layers each, a window of 2 s, dropout 0.1), with a tokenizer.

    Its pieces are single bytes, and a few longer ones with the space before them; of bytes only those of
    ``letters`` and the space are known.
    """
    import transformers

    pieces = ["\u0120", *letters, *(f"\u0120{one}" for one in letters), "ab", "\u0120ab"]
    merges = [*(("\u0120", one) for one in letters), ("a", "b"), ("\u0120a", "b")]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = transformers.WhisperTokenizer(vocab=vocabulary, merges=merges, model_max_length=positions)
    tokenizer.add_special_tokens({"additional_special_tokens": list(PIECES[1:])})
    number = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in PIECES}
    end, start = number["<|endoftext|>"], number["<|startoftranscript|>"]
    marks = {"pad_token_id": end, "bos_token_id": end, "eos_token_id": end, "decoder_start_token_id": start}
    made = transformers.WhisperConfig(**{
        "d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64,
        "decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 64, "num_mel_bins": 16,
        "max_source_positions": 100, "max_target_positions": positions, "dropout": 0.1, "init_std": 0.2,
        "encoder_layerdrop": 0.2, "decoder_layerdrop": 0.2, "vocab_size": len(tokenizer), **marks, **config,
    })  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.WhisperForConditionalGeneration(made)
    said = {"suppress_tokens": [number["<|startofprev|>"], start], "begin_suppress_tokens": [end],
            "no_timestamps_token_id": number["<|notimestamps|>"], "is_multilingual": languages}  # fmt: skip
    if languages:
        said["lang_to_id"] = {mark: number[mark] for mark in ("<|de|>", "<|en|>")}
        said["task_to_id"] = {one: number[f"<|{one}|>"] for one in ("translate", "transcribe")}
    model.generation_config = transformers.GenerationConfig(**marks, **said, max_length=positions)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=2).save_pretrained(path)
    return path


def open_transcriber(folder: Path, language: str | None = "en", **options: object) -> Backbone:
    """Open a folder as a recogniser that writes piece by piece."""
    return open_recogniser(folder, language=language, **options)


def open_recogniser(folder: Path, letters: str = LETTERS, **options: object) -> Backbone:
    """Open a folder as a recogniser that can write ``letters``."""
    from crosstune.sources.registry import open_model

    wanted = tuple(letters)
    return open_model(str(folder), OpenOptions(task=TASK, outputs=0, symbols=wanted, **options))  # type: ignore[arg-type]
