"""Words that name tones, languages, channels, and kinds of agents."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.designer.text import Gazetteer, vocabulary

_TONES = """
formal: formal, formally, official
casual: casual, casually, informal, informally, laid back, laid-back, relaxed, chill, easygoing, easy-going
friendly: friendly, kind, nice, warm, personal, warmly, approachable, welcoming, amiable, cordial, personable
professional: professional, professionally, businesslike, business-like, corporate, polished
concise: concise, concisely, brief, briefly, terse, short and to the point, to the point, succinct, crisp, snappy
detailed: detailed, thorough, in-depth, comprehensive, verbose, elaborate
empathetic: empathetic, empathic, compassionate, caring, understanding, sympathetic, gentle, supportive, sensitive
patient: patient, patiently, calm, calmly, reassuring, soothing, serene
playful: playful, fun, funny, humorous, witty, cheeky, light-hearted, lighthearted, jokey, quirky
enthusiastic: enthusiastic, energetic, upbeat, excited, cheerful, lively, bubbly, positive, motivating, motivational
encouraging: encouraging, inspiring, uplifting
serious: serious, sober, stern, strict, no-nonsense, grave
neutral: neutral, objective, factual, matter-of-fact, impartial, dry
polite: polite, politely, courteous, respectful, tactful, diplomatic, civil
direct: direct, straightforward, blunt, frank, honest, candid
authoritative: authoritative, confident, assertive, expert-like
academic: academic, scholarly, scientific
technical: technical, precise, exact
simple: simple, plain, plain language, easy to understand, jargon-free
conversational: conversational, chatty, talkative
persuasive: persuasive, compelling, convincing
sarcastic: sarcastic, ironic, snarky
poetic: poetic, lyrical, literary
creative: creative, imaginative
luxurious: luxurious, elegant, sophisticated
"""
AMBIGUOUS_TONES = frozenset({"academic", "technical", "simple", "detailed", "creative", "scientific", "understanding"})

LANGUAGES = [
    "English",
    "German",
    "French",
    "Spanish",
    "Portuguese",
    "Italian",
    "Dutch",
    "Polish",
    "Russian",
    "Ukrainian",
    "Turkish",
    "Arabic",
    "Hebrew",
    "Hindi",
    "Bengali",
    "Urdu",
    "Chinese",
    "Mandarin",
    "Cantonese",
    "Japanese",
    "Korean",
    "Vietnamese",
    "Thai",
    "Indonesian",
    "Malay",
    "Swedish",
    "Norwegian",
    "Danish",
    "Finnish",
    "Greek",
    "Czech",
    "Slovak",
    "Hungarian",
    "Romanian",
    "Bulgarian",
    "Croatian",
    "Serbian",
    "Catalan",
    "Basque",
    "Persian",
    "Farsi",
    "Swahili",
    "Tagalog",
    "Tamil",
]

_CHANNELS = """
website chat: website chat, web chat, webchat, chat widget, our website, the website, my website, website widget
WhatsApp: whatsapp
Telegram: telegram
Slack: slack
Discord: discord
Microsoft Teams: microsoft teams, ms teams, teams
email: email, e-mail
SMS: sms, text message, text messages
phone: phone, telephone, voice calls, the phone
mobile app: mobile app, our app, the app, an app
command line: command line, terminal
"""

VERBS = vocabulary(
    """
    answer analyze analyse advise alert arrange ask assess assign assist automate book brainstorm build buy
    calculate call categorize categorise check classify clean coach collect compare compile compose compute
    convert correct create cut debug decide deliver deploy describe design detect develop diagnose draft draw
    edit educate email escalate estimate evaluate examine explain export extract fetch file fill filter find fix
    flag follow forecast format gather generate give greet guide handle help highlight identify improve inform
    interpret invite issue keep lead learn list log look maintain make manage match measure message moderate
    monitor notify offer onboard open optimize optimise order organize organise parse perform personalize plan
    post predict prepare present prioritize process produce proofread propose provide publish qualify quiz rank
    read recommend record refund remember remind reply report reschedule research resolve respond review rewrite
    route run save schedule score scrape search select sell send show simplify simulate solve sort start store
    submit suggest summarize summarise support sync teach tell test track train walk transcribe translate triage
    troubleshoot tutor update upload validate verify visualize warn watch welcome work write turn take get do go
    lookup act serve talk chat engage promote grow cook invest trade tag label scan discover share guess hold
    motivate encourage entertain practise practice drill reduce increase ensure protect negotiate
    """
)
AGENT_NOUNS = vocabulary(
    """
    agent assistant bot chatbot helper copilot tutor coach translator writer editor analyst reviewer planner
    researcher advisor adviser consultant teacher mentor companion expert specialist generator concierge
    secretary scheduler summarizer summariser moderator receptionist salesperson recruiter therapist trainer
    guide librarian engineer developer programmer designer architect strategist copywriter proofreader
    interviewer examiner professor scholar scientist historian manager master guru creator maker optimizer
    checker evaluator evaluation-agent simulator host narrator storyteller nutritionist doctor lawyer accountant
    buddy friend partner operator representative rep clerk butler scout monitor watcher dispatcher curator
    detective
    """
)
PLAIN_NOUNS = vocabulary(
    """
    agent assistant bot chatbot helper copilot tool something one system program ai app
    """
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A common kind of agent and what is assumed of it where the user does not say."""

    name: str
    words: str
    goal: str
    tone: str
    audience: str


KINDS = (
    Kind(
        "customer support agent",
        "customer support, customer service, customer care, help desk, helpdesk, support, call center, call centre",
        "answer customers' questions and solve their problems",
        "friendly and professional",
        "customers",
    ),
    Kind(
        "sales agent",
        "sales, lead generation, lead qualification, prospecting",
        "find out what prospects need and offer what fits",
        "persuasive and polite",
        "prospects",
    ),
    Kind(
        "marketing agent",
        "marketing, advertising, social media, seo, copywriting, branding, brand",
        "plan and write content that reaches its readers",
        "creative and persuasive",
        "marketers",
    ),
    Kind(
        "research assistant",
        "research, researcher, academic, literature, paper, scientific",
        "find, compare and summarize sources",
        "neutral and precise",
        "researchers",
    ),
    Kind(
        "coding assistant",
        "coding, programming, code, developer, software, python, javascript, engineer, frontend, backend, devops",
        "write, explain and review code",
        "concise and technical",
        "developers",
    ),
    Kind(
        "data analyst",
        "data analysis, data analytics, data analyst, data, analytics, business intelligence, reporting",
        "analyze data and explain what it shows",
        "neutral and precise",
        "analysts",
    ),
    Kind(
        "writing assistant",
        "writing, writer, editing, editor, proofreading, essay, blog, story, content, poetry, prompt",
        "write and improve texts",
        "clear and encouraging",
        "writers",
    ),
    Kind(
        "tutor",
        "tutor, tutoring, teaching, teacher, learning, education, language learning, homework, student, professor",
        "explain subjects step by step and check understanding",
        "patient and encouraging",
        "learners",
    ),
    Kind(
        "translator",
        "translation, translator, translate, localization",
        "translate texts faithfully",
        "neutral and precise",
        "readers of other languages",
    ),
    Kind(
        "personal assistant",
        "personal assistant, scheduling, secretary, calendar, schedule, productivity, executive assistant",
        "keep track of appointments and tasks",
        "polite and concise",
        "its owner",
    ),
    Kind(
        "travel planner",
        "travel, trip, tourism, vacation, hotel, flights",
        "plan trips that fit wishes and budget",
        "friendly and enthusiastic",
        "travelers",
    ),
    Kind(
        "health coach",
        "health, fitness, nutrition, wellness, medical, mental health, workout, therapy",
        "support healthy habits without giving medical diagnoses",
        "empathetic and encouraging",
        "people who want to live healthily",
    ),
    Kind(
        "finance assistant",
        "finance, financial, accounting, bookkeeping, budget, invoice, investment, tax",
        "explain figures and keep accounts in order",
        "professional and precise",
        "its client",
    ),
    Kind(
        "recruiting assistant",
        "hr, human resources, recruiting, recruitment, hiring, onboarding, resume, interview",
        "support hiring and answer staff's questions",
        "professional and friendly",
        "staff and applicants",
    ),
    Kind(
        "legal assistant",
        "legal, law, contract, compliance, contracts",
        "explain documents and point out risks",
        "formal and precise",
        "people who work with contracts",
    ),
    Kind(
        "operations agent",
        "operations, monitoring, incident, infrastructure, it support, it helpdesk, sre",
        "watch systems and help to solve incidents",
        "concise and direct",
        "engineers",
    ),
    Kind(
        "game companion",
        "game, games, roleplay, role-play, entertainment, character, story telling, dungeon master",
        "entertain and keep the story going",
        "playful and creative",
        "players",
    ),
    Kind(
        "design assistant",
        "design, image generation, art, photography, graphics, ui, ux",
        "turn ideas into designs",
        "creative and encouraging",
        "designers",
    ),
    Kind(
        "general assistant",
        "general assistant, general purpose, virtual assistant",
        "answer questions and help with everyday tasks",
        "friendly and professional",
        "everybody",
    ),
)
GENERAL = KINDS[-1]


def _table(text: str) -> list[tuple[str, str]]:
    pairs = (line.split(": ", 1) for line in text.strip().splitlines())
    return [(phrase.strip(), name) for name, phrases in pairs for phrase in phrases.split(", ")]


TONES = Gazetteer(_table(_TONES))
CHANNELS = Gazetteer(_table(_CHANNELS))
LANGUAGE_NAMES = Gazetteer((name, name) for name in LANGUAGES)
KIND_WORDS = Gazetteer((word.strip(), kind) for kind in KINDS for word in (kind.name, *kind.words.split(",")))
