"""Everything behind the glass: records, wire, link, hub, store, video, city. No Qt anywhere below this folder."""
