"""Workers that share nothing but Windmill and an object store: each has a network and a cache of its own."""
