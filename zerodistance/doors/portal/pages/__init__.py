"""The pages, one module each; every module registers its routes and its place in the menu."""
