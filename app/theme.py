"""Tokens of the look: names for the colours of assets/theme.css."""

from typing import Any

COLORS = (
    "canvas",
    "surface",
    "sunken",
    "raised",
    "line",
    "line-strong",
    "ink",
    "muted",
    "faint",
    "accent",
    "accent-strong",
    "accent-ink",
    "accent-soft",
    "ok",
    "ok-soft",
    "warn",
    "warn-soft",
    "bad",
    "bad-soft",
    "mark",
)

TAILWIND: dict[str, Any] = {
    "darkMode": "class",
    "content": [
        "./app/**/*.{js,jsx}",
        "./components/**/*.{js,jsx}",
        "./app_components/**/*.{js,jsx}",
        "./utils/**/*.{js,jsx}",
        "./public/external/**/*.jsx",
    ],
    "theme": {
        "extend": {
            "colors": {name: f"var(--{name})" for name in COLORS},
            "fontSize": {
                "xs": ["12px", "18px"],
                "sm": ["13px", "20px"],
                "base": ["14px", "22px"],
                "lg": ["16px", "24px"],
                "xl": ["20px", "28px"],
                "2xl": ["24px", "32px"],
            },
            "fontFamily": {
                "sans": [
                    "Geist",
                    "ui-sans-serif",
                    "system-ui",
                    "Segoe UI",
                    "Noto Sans",
                    "Liberation Sans",
                    "sans-serif",
                ]
            },
            "boxShadow": {"card": "var(--shadow-card)", "pop": "var(--shadow-pop)"},
        }
    },
}
