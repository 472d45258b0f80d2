"""The way into the data catalogue (SciCat): its client, what is sent to it, and what is checked before."""
