//! Names of results, made from a template such as `{stem}_{scale}x.{ext}`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::str::FromStr;

/// A template for names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Stem,
    Scale,
    Ext,
    Model,
    Width,
    Height,
}

/// What placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// The input's name without its extension.
    pub(crate) stem: &'a OsStr,
    /// The scale, as people write it.
    pub(crate) scale: &'a str,
    /// The extension of the result, without the dot.
    pub(crate) ext: &'a str,
    /// The model's name.
    pub(crate) model: &'a str,
    /// Width of the result.
    pub(crate) width: u32,
    /// Height of the result.
    pub(crate) height: u32,
}

const PLACEHOLDERS: [(&str, Part); 6] = [
    ("stem", Part::Stem),
    ("scale", Part::Scale),
    ("ext", Part::Ext),
    ("model", Part::Model),
    ("width", Part::Width),
    ("height", Part::Height),
];

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains(['/', '\\']) {
            return Err("a name is a file's name, without folders".into());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a { without its }")?;
            let part = PLACEHOLDERS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
                let known = PLACEHOLDERS.map(|(known, _)| format!("{{{known}}}")).join(", ");
                format!("there is no {{{name}}}; there are {known}")
            })?;
            parts.extend([Part::Literal(literal.into()), part.1.clone()]);
            rest = after;
        }
        parts.push(Part::Literal(rest.into()));
        parts.retain(|part| *part != Part::Literal(String::new()));
        Ok(Self(parts))
    }
}

impl Template {
    /// The name for these facts.
    pub(crate) fn fill(&self, facts: &Facts) -> OsString {
        let mut name = OsString::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => name.push(text),
                Part::Stem => name.push(facts.stem),
                Part::Scale => name.push(facts.scale),
                Part::Ext => name.push(facts.ext),
                Part::Model => name.push(facts.model),
                Part::Width => name.push(facts.width.to_string()),
                Part::Height => name.push(facts.height.to_string()),
            }
        }
        name
    }

    /// The extension that the template itself gives, if it does.
    pub(crate) fn extension(&self) -> Option<&str> {
        match self.0.last()? {
            Part::Literal(text) => {
                text.rsplit_once('.').map(|(_, extension)| extension).filter(|e| !e.is_empty())
            }
            _ => None,
        }
    }

    /// The stem of the file of which this one would be the result, if the template can have made its name.
    pub(crate) fn stem_of(&self, path: &Path) -> Option<String> {
        let own = path.file_stem().and_then(OsStr::to_str);
        let stem = stem(&self.0, path.file_name()?.to_str()?, None)?;
        // What keeps its name is no sign of anything.
        (Some(stem) != own).then(|| stem.to_owned())
    }
}

/// The stem from which the parts would make `text`, if they can.
fn stem<'a>(parts: &[Part], text: &'a str, found: Option<&'a str>) -> Option<&'a str> {
    let Some((part, parts)) = parts.split_first() else { return found.filter(|_| text.is_empty()) };
    if let Part::Literal(literal) = part {
        return stem(parts, text.strip_prefix(literal.as_str())?, found);
    }
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8()).rev();
    ends.map(|end| text.split_at(end)).find_map(|(word, rest)| match part {
        Part::Stem if found.is_none_or(|found| found == word) => stem(parts, rest, Some(word)),
        Part::Scale if word.parse::<f64>().is_ok() => stem(parts, rest, found),
        Part::Width | Part::Height if word.parse::<u32>().is_ok() => stem(parts, rest, found),
        Part::Ext if word.chars().all(char::is_alphanumeric) => stem(parts, rest, found),
        Part::Model => stem(parts, rest, found),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        text.parse().expect("a template")
    }

    #[test]
    fn placeholders_are_filled() {
        let facts =
            Facts { stem: "photo".as_ref(), scale: "3.5", ext: "png", model: "tiny", width: 35, height: 70 };
        let filled = |text: &str| template(text).fill(&facts).into_string().expect("UTF-8");
        assert_eq!(filled("{stem}_{scale}x.{ext}"), "photo_3.5x.png");
        assert_eq!(filled("{model}-{width}x{height}-{stem}{stem}"), "tiny-35x70-photophoto");
        assert_eq!(filled("x"), "x");
    }

    #[test]
    fn wrong_templates_are_refused() {
        for wrong in ["", "a/{stem}", "{stem", "{name}", "..\\{stem}"] {
            assert!(wrong.parse::<Template>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_extension_may_be_part_of_the_template() {
        assert_eq!(template("{stem}.png").extension(), Some("png"));
        assert_eq!(template("{stem}.{ext}").extension(), None);
        assert_eq!(template("{stem}").extension(), None);
    }

    #[test]
    fn names_that_a_template_made_are_recognised() {
        let made_of = |text: &str, name: &str| template(text).stem_of(Path::new(name));
        let usual = "{stem}_{scale}x.{ext}";
        assert_eq!(made_of(usual, "photo_4x.jpg").as_deref(), Some("photo"));
        assert_eq!(made_of(usual, "a_2x_3.5x.png").as_deref(), Some("a_2x"));
        assert_eq!(made_of(usual, "photo.jpg"), None);
        assert_eq!(made_of("{stem}.{ext}", "photo.jpg"), None);
        assert_eq!(made_of(usual, "photo_ax.jpg"), None);
        assert_eq!(made_of("{stem}-{stem}.png", "a-b.png"), None);
    }
}
