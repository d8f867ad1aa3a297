"""The architecture of the recogniser, without weights: a folder as transformers writes it.

Wav2Vec2-BERT (a conformer on log-mel frames) in small: 40 ms a frame at 8 kHz, width 144, six layers, 2.9
million parameters, 11.6 MB in float32. Frames of 40 ms rather than 20 halve the cost, and English at 200
words a minute still has more than one frame for each letter. Dropout behind each module only: inside the
attention and between the two layers of a feed-forward module it is a quarter of a step on a CPU.
"""

from pathlib import Path

BANDS, STACKED = 80, 2


def write_untrained(folder: Path, *, rate: int) -> None:
    """Write config and feature extractor; ``rate`` is that of the sounds, in samples a second."""
    from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig

    config = Wav2Vec2BertConfig(
        architectures=["Wav2Vec2BertForCTC"], hidden_size=144, num_hidden_layers=6, num_attention_heads=4,
        intermediate_size=576, feature_projection_input_dim=BANDS * STACKED, conv_depthwise_kernel_size=15,
        position_embeddings_type="relative_key", hidden_dropout=0.1, attention_dropout=0.0,
        activation_dropout=0.0, feat_proj_dropout=0.0, final_dropout=0.1, layerdrop=0.0,
        apply_spec_augment=False, add_adapter=False, left_max_position_embeddings=64,
        right_max_position_embeddings=16,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    extractor = SeamlessM4TFeatureExtractor(
        feature_size=BANDS, num_mel_bins=BANDS, sampling_rate=rate, stride=STACKED, padding_value=0.0
    )
    extractor.save_pretrained(folder)
