"""Pictures of cameras: decoder workers, shared-memory frames, and the client that the GUI reads them with.

`broker.PictureBroker` runs in the supervisor, `client.PictureClient` in the GUI, `worker` in processes
of its own. Must not: import Qt, show anything, or keep a password anywhere but in a worker's memory.
"""
