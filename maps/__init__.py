"""Interactive maps: frames in, Folium maps out."""
