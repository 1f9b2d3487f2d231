"""The bundles that ship with Natron."""
