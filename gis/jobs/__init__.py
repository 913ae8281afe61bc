"""Long work: a job calls services and maps, says how far it is, and can be interrupted."""
