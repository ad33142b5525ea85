"""Agents to start from, and the three that a new installation has."""

from dataclasses import dataclass

from app.backend.agents.schemas import AgentDraft, AgentKind


@dataclass(frozen=True)
class Template:
    """An agent to start from; `key` names it in addresses."""

    key: str
    draft: AgentDraft


DOCUMENT_QA = AgentDraft(
    name="Document Q&A",
    description="Answers from documents, and shows the passage behind each sentence.",
    suggested_prompts=[
        "What is Atelier?",
        "How do I connect a better model?",
        "Which documents can I upload?",
    ],
)
QUOTE_FINDER = AgentDraft(
    name="Quote finder",
    description="Shows the passages that answer a question, word for word. No model is asked.",
    kind=AgentKind.QUOTES,
    suggested_prompts=[
        "Where is my data stored?",
        "What happens when I press Stop?",
    ],
)
PLAIN_CHAT = AgentDraft(
    name="Plain chat",
    description="A conversation with the model alone, without documents.",
    instructions="You are a helpful assistant. Today is {today}. Answer briefly.",
    temperature=0.7,
    suggested_prompts=[
        "Write a short poem about rain.",
        "Explain what a database is in one sentence.",
    ],
)
READY_MADE = (DOCUMENT_QA, QUOTE_FINDER, PLAIN_CHAT)

TEMPLATES: tuple[Template, ...] = (
    Template(
        "document-qa",
        DOCUMENT_QA.model_copy(update={"suggested_prompts": []}),
    ),
    Template(
        "quote-finder",
        QUOTE_FINDER.model_copy(update={"suggested_prompts": []}),
    ),
    Template(
        "policy-helper",
        AgentDraft(
            name="Policy helper",
            description="Answers questions about rules and handbooks, briefly and to the letter.",
            instructions="You answer questions about our rules for {user_name}. Today is {today}. Quote numbers and dates exactly.",
            passages=5,
        ),
    ),
    Template(
        "study-partner",
        AgentDraft(
            name="Study partner",
            description="Explains what your course notes say, in simple words.",
            instructions="You are a patient tutor. Explain in simple words, with one example.",
            temperature=0.3,
            max_tokens=300,
        ),
    ),
    Template(
        "note-keeper",
        AgentDraft(
            name="Note keeper",
            description="Uses tools: searches your documents, keeps notes, and asks you when it needs to know something.",
            kind=AgentKind.TOOLS,
            instructions="You keep notes for {user_name}. Look things up before you write them down. Ask when something is unclear.",
            max_tokens=800,
            tools=[
                "now",
                "search_knowledge",
                "notes_read",
                "notes_put",
                "notes_append",
                "ask_person",
            ],
        ),
    ),
    Template("plain-chat", PLAIN_CHAT.model_copy(update={"suggested_prompts": []})),
)
