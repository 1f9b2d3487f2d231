"""One settings file for everything: ``groups`` says what there is, ``loading`` where values come from."""
