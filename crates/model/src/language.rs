//! Languages: the tags that people write (RFC 5646) and the numbers that Dataverse keeps (Windows LCIDs).
//!
//! *Invariant:* 0 is any language, and has the tag `any`.

/// `languagecode`. The variant for any language first.
pub const LANGUAGES: &[(i64, &str)] = &[
    (0, "any"),
    (1033, "en"),
    (2057, "en-GB"),
    (1031, "de"),
    (3079, "de-AT"),
    (2055, "de-CH"),
    (1036, "fr"),
    (3084, "fr-CA"),
    (4108, "fr-CH"),
    (3082, "es"),
    (2058, "es-MX"),
    (1040, "it"),
    (1043, "nl"),
    (1046, "pt-BR"),
    (2070, "pt"),
    (1030, "da"),
    (1053, "sv"),
    (1044, "nb"),
    (1035, "fi"),
    (1045, "pl"),
    (1029, "cs"),
    (1051, "sk"),
    (1060, "sl"),
    (1050, "hr"),
    (1038, "hu"),
    (1048, "ro"),
    (1026, "bg"),
    (1032, "el"),
    (1055, "tr"),
    (1049, "ru"),
    (1058, "uk"),
    (1061, "et"),
    (1062, "lv"),
    (1063, "lt"),
    (1037, "he"),
    (1025, "ar"),
    (1041, "ja"),
    (1042, "ko"),
    (2052, "zh-CN"),
    (1028, "zh-TW"),
    (1054, "th"),
    (1066, "vi"),
    (1057, "id"),
    (1081, "hi"),
];

/// Any language.
pub const ANY: i32 = 0;

/// The number of a tag, in any case; of one with a region that is not known the language alone.
pub fn code(tag: &str) -> Option<i32> {
    let find = |wanted: &str| {
        let known = LANGUAGES.iter().find(|(_, tag)| tag.eq_ignore_ascii_case(wanted));
        known.and_then(|(code, _)| i32::try_from(*code).ok())
    };
    let tag = tag.trim().replace('_', "-");
    find(&tag).or_else(|| find(tag.split('-').next()?))
}

/// The tag of a number; nothing where it is not known.
pub fn tag(code: i32) -> Option<&'static str> {
    LANGUAGES.iter().find(|(known, _)| *known == i64::from(code)).map(|(_, tag)| *tag)
}

/// Whether two numbers are of one language, whatever the region (the ten lower bits of an LCID).
pub fn is_same(one: i32, other: i32) -> bool {
    one & 0x3ff == other & 0x3ff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_numbers_go_both_ways() {
        for (number, tag) in LANGUAGES {
            assert_eq!(code(tag).map(i64::from), Some(*number), "{tag}");
        }
        assert_eq!(code("DE_at"), Some(3079));
        assert_eq!(code("de-LU"), Some(1031), "a region that is not known");
        assert_eq!(code("tlh"), None);
        assert!(is_same(1031, 2055) && !is_same(1031, 1033));
    }
}
