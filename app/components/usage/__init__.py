"""Parts of the page that shows what models cost."""
