"""One file for each kind of video source; `backends.video.source.specs` finds them here by their SPEC."""
