"""torch.ao.ns: comparing models with their quantised forms, of which there are none."""
