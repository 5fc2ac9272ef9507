"""All layers of a unified assistant must share their keys, and its language model asks for layers that do not."""

from transformers import Gemma4UnifiedAssistantConfig, Gemma4UnifiedAssistantForCausalLM, Gemma4UnifiedTextConfig

text = Gemma4UnifiedTextConfig(hidden_size=16, num_hidden_layers=2, vocab_size=8)
try:
    Gemma4UnifiedAssistantForCausalLM(Gemma4UnifiedAssistantConfig(text_config=text))
except ValueError as error:
    assert "layer types producing a cache" in str(error), error
else:
    raise AssertionError("mended")
