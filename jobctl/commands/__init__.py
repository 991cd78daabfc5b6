"""The commands, one file each; `jobctl.cli` imports the one that was asked for."""
