"""Gemma3ForConditionalGeneration, which belongs to ShieldGemma2's configuration too, loses what it saves with it."""

import tempfile

from transformers import Gemma3ForConditionalGeneration, ShieldGemma2Config

small = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
config = ShieldGemma2Config(text_config={**small, "head_dim": 16, "vocab_size": 128}, vision_config=small)
model = Gemma3ForConditionalGeneration(config)
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    _, report = Gemma3ForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
assert report["missing_keys"], "mended upstream"
