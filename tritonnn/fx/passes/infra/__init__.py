"""The frame of passes that are run one after another."""
