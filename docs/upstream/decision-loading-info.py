"""A decision model that is asked what it loaded takes the pair of a model and a report for the model."""

import tempfile

from transformers import JevConfig, JevForDecision, Qwen2Config

text = Qwen2Config(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
with tempfile.TemporaryDirectory() as folder:
    JevForDecision(JevConfig(hidden_size=8, text_config=text)).save_pretrained(folder)
    try:
        JevForDecision.from_pretrained(folder, output_loading_info=True)
    except AttributeError as error:
        assert "'tuple'" in str(error), error
    else:
        raise AssertionError("mended")
