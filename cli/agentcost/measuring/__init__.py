"""How long every prompt is, by component: rulers fitted on bills."""
