"""Rules over test files: one module each. ``hfcodemod.ruleset`` finds them, and says what a rule is."""
