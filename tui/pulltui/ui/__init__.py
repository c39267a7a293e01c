"""The app: what a person sees of the engine, and the keys to steer it."""
