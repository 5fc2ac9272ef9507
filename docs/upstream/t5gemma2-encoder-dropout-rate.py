"""T5Gemma2Encoder can't be made from its own configuration: it asks for a ``dropout_rate`` that no class declares."""

from transformers import T5Gemma2Encoder, T5Gemma2EncoderConfig

small = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "vocab_size": 128}
try:
    T5Gemma2Encoder(T5Gemma2EncoderConfig(text_config=small, vision_config=small))
except AttributeError as error:
    assert "dropout_rate" in str(error)
else:
    raise AssertionError("mended upstream")
