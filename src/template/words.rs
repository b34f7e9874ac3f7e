//! The vocabulary of samples.
//!
//! Samples are value-stable: the order and the number of the entries decide what
//! a seed yields, and their lengths are part of the size a body is promised to
//! have. All of it is plain ASCII that JSON and an e-mail address need not escape.

/// A short text of ASCII letters, padded so that it can be copied as one block of fixed size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) padded: [u8; Word::ROOM],
    pub(super) len: u8,
}

impl Word {
    /// The longest text that fits, in bytes.
    pub(super) const ROOM: usize = 16;

    const fn new(text: &str) -> Word {
        let bytes = text.as_bytes();
        assert!(bytes.len() <= Word::ROOM);
        let mut i = 0;
        while i < bytes.len() {
            assert!(bytes[i].is_ascii_alphabetic());
            i += 1;
        }
        let mut padded = [0; Word::ROOM];
        padded.split_at_mut(bytes.len()).0.copy_from_slice(bytes);
        Word { padded, len: bytes.len() as u8 }
    }
}

/// Words in quotes, with a comma behind each: the entries of a JSON array.
const fn entries<const N: usize>(texts: [&str; N]) -> [Word; N] {
    let mut words = words(texts);
    let mut i = 0;
    while i < N {
        let len = words[i].len as usize;
        let mut entry = [0; Word::ROOM];
        let (before, behind) = entry.split_at_mut(1 + len);
        before[0] = b'"';
        before.split_at_mut(1).1.copy_from_slice(words[i].padded.split_at(len).0);
        behind[0] = b'"';
        behind[1] = b',';
        words[i] = Word { padded: entry, len: len as u8 + 3 };
        i += 1;
    }
    words
}

const fn words<const N: usize>(texts: [&str; N]) -> [Word; N] {
    let mut words = [Word::new(""); N];
    let mut i = 0;
    while i < N {
        words[i] = Word::new(texts[i]);
        i += 1;
    }
    words
}

#[rustfmt::skip]
pub(super) static FIRST_NAMES: [Word; 64] = words([
    "Ada", "Aisha", "Alan", "Alice", "Amara", "Amir", "Ana", "Anders",
    "Anika", "Barbara", "Bjarne", "Carlos", "Chen", "Chloe", "Clara", "Daniel",
    "Dennis", "Donald", "Edsger", "Elena", "Emeka", "Emma", "Fatima", "Felix",
    "Frances", "Grace", "Guido", "Hana", "Hedy", "Hugo", "Ines", "Ivan",
    "Jamal", "Jan", "Jin", "Joan", "Jonas", "Karen", "Katya", "Kenji",
    "Kofi", "Lars", "Leila", "Leslie", "Lin", "Lucia", "Margaret", "Mateo",
    "Mei", "Miguel", "Nadia", "Niklaus", "Noor", "Olga", "Omar", "Priya",
    "Radia", "Rosa", "Samuel", "Sofia", "Tariq", "Tim", "Yuki", "Zainab",
]);

#[rustfmt::skip]
pub(super) static LAST_NAMES: [Word; 64] = words([
    "Adeyemi", "Ali", "Allen", "Alvarez", "Andersson", "Backus", "Bauer", "Becker",
    "Berners", "Carter", "Castro", "Chopra", "Clarke", "Costa", "Diallo", "Dijkstra",
    "Dubois", "Eriksen", "Farouk", "Fischer", "Garcia", "Goldberg", "Gupta", "Haddad",
    "Hamilton", "Hansen", "Hopper", "Ibrahim", "Ito", "Ivanova", "Jensen", "Jones",
    "Kaya", "Khan", "Kim", "Knuth", "Kowalski", "Lamarr", "Lamport", "Lee",
    "Liskov", "Lopez", "Lovelace", "Martin", "Mensah", "Moreau", "Nakamura", "Nguyen",
    "Novak", "Okafor", "Perlman", "Petrov", "Ritchie", "Rossi", "Santos", "Sato",
    "Schmidt", "Silva", "Singh", "Tanaka", "Turing", "Wang", "Weber", "Zhang",
]);

pub(super) static SEGMENTS: [Word; 4] = words(["free", "trial", "standard", "premium"]);

pub(super) static DEVICES: [Word; 4] = words(["desktop", "laptop", "phone", "tablet"]);

/// Where mail never arrives (RFC 2606, section 3).
pub(super) static DOMAINS: [[u8; 12]; 3] = [*b"@example.com", *b"@example.org", *b"@example.net"];

/// ISO 3166-1 alpha-2.
#[rustfmt::skip]
pub(super) static COUNTRIES: [[u8; 2]; 32] = [
    *b"AR", *b"AT", *b"AU", *b"BE", *b"BR", *b"CA", *b"CH", *b"CL", *b"CN", *b"CO", *b"CZ", *b"DE", *b"DK", *b"EG", *b"ES", *b"FI",
    *b"FR", *b"GB", *b"GH", *b"IN", *b"IT", *b"JP", *b"KE", *b"KR", *b"MX", *b"NG", *b"NL", *b"NO", *b"PL", *b"SE", *b"US", *b"ZA",
];

#[rustfmt::skip]
const TAG_TEXTS: [&str; 32] = [
    "alpha", "api", "archive", "batch", "beta", "billing", "cache", "canary",
    "checkout", "cloud", "core", "delta", "edge", "export", "fast", "gamma",
    "gateway", "import", "legacy", "mobile", "new", "partner", "pilot", "public",
    "quick", "report", "search", "secure", "stable", "stream", "web", "worker",
];

pub(super) static WORDS: [Word; 32] = words(TAG_TEXTS);

/// As entries of an array. Distinct, and a power of two of them: a walk with an odd step meets no word twice.
pub(super) static TAGS: [Word; 32] = entries(TAG_TEXTS);
