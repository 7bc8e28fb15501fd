//! What a client asks for, in names and values.

use std::path::Path;

use amplio::graph::Precision;
use amplio::media::Depth;
use amplio::media::images;
use amplio::media::videos::{CONTAINERS, Container};
use amplio::{Choice, Fit, Size, Target, Writing, writable};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::refusal::Refusal;

type Read<T> = Result<T, Refusal>;

/// The most bytes of a value.
const LONGEST: usize = 256;

/// The parameters of an enlargement, as they were written: in the query, in a form, or in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// The name of a model; see `/v1/models`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// How many times wider and higher the result is; the model's own scale if no size is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2")]
    pub(crate) scale: Option<String>,
    /// The size in pixels: `3840x`, `x2160` or `1920x1080`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1920x1080")]
    pub(crate) size: Option<String>,
    /// Where the shapes of `size` and picture differ: `contain`, `cover` or `stretch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fit: Option<String>,
    /// The longer side in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) long_side: Option<String>,
    /// The shorter side in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) short_side: Option<String>,
    /// The most pixels that the result may have; a larger one is made smaller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_pixels: Option<String>,
    /// The format of the result: a name such as `png`, of a video such as `mp4`, or `same`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    /// The fidelity of lossy formats, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quality: Option<String>,
    /// The bits of a sample: `8` or `16`; the input's if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) depth: Option<String>,
    /// How exactly to compute: `fast`, `exact`, `full` or `strict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precision: Option<String>,
    /// Whether the result keeps EXIF, XMP and the like: `keep` or `strip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<String>,
    /// The codec of a video, such as `h264`, `hevc`, `vp9`, `av1`, `prores` or `ffv1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) codec: Option<String>,
    /// The constant quality of a video in the codec's own scale; smaller is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crf: Option<String>,
    /// Where a video begins, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<String>,
    /// Where a video ends, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<String>,
    /// Whether frames are made of the fields of a video: `true` or `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deinterlace: Option<String>,
}

/// What is to be made, understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) model: String,
    pub(crate) target: Target,
    /// How pictures are written.
    pub(crate) writing: Writing,
    pub(crate) precision: Option<Precision>,
    /// What videos are put into; the input's kind of file, or Matroska, if `None`.
    pub(crate) container: Option<&'static Container>,
    /// What else is asked for if it is a video.
    pub(crate) film: FilmWish,
}

/// What is asked for with a video alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FilmWish {
    pub(crate) codec: Option<String>,
    pub(crate) crf: Option<u32>,
    pub(crate) start: Option<f64>,
    pub(crate) end: Option<f64>,
    pub(crate) deinterlace: bool,
}

impl Recipe {
    /// The parameters that mean this recipe, as they are written in queries; `format` is the name of the result's format, or of
    /// its kind of file, if it is open.
    pub(crate) fn parameters(&self, format: Option<&str>) -> Vec<(&'static str, String)> {
        let fit = |fit: Fit| match fit {
            Fit::Contain => "contain",
            Fit::Cover => "cover",
            Fit::Stretch => "stretch",
        };
        let mut all = vec![
            ("model", self.model.clone()),
            ("metadata", if self.writing.strip { "strip" } else { "keep" }.into()),
        ];
        all.extend(format.map(|format| ("format", format.to_owned())));
        all.extend(self.writing.quality.map(|quality| ("quality", quality.to_string())));
        match self.target.size {
            None => {}
            Some(Size::Scale(scale)) => all.push(("scale", scale.to_string())),
            Some(Size::Width(width)) => all.push(("size", format!("{width}x"))),
            Some(Size::Height(height)) => all.push(("size", format!("x{height}"))),
            Some(Size::LongSide(side)) => all.push(("long_side", side.to_string())),
            Some(Size::ShortSide(side)) => all.push(("short_side", side.to_string())),
            Some(Size::Exact { width, height, fit: how }) => {
                all.extend([("size", format!("{width}x{height}")), ("fit", fit(how).into())]);
            }
        }
        all.extend(self.target.max_pixels.map(|most| ("max_pixels", most.to_string())));
        let depth = self.writing.depth.map(|depth| if depth == Depth::U8 { "8" } else { "16" });
        all.extend(depth.map(|depth| ("depth", depth.to_owned())));
        all.extend(self.precision.map(|precision| ("precision", precision.to_string())));
        all.extend(self.film.parameters());
        all
    }
}

impl FilmWish {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let Self { codec, crf, start, end, deinterlace } = self;
        let all = [
            ("codec", codec.clone()),
            ("crf", crf.map(|crf| crf.to_string())),
            ("start", start.map(|start| start.to_string())),
            ("end", end.map(|end| end.to_string())),
            ("deinterlace", deinterlace.then(|| "true".into())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl Wish {
    /// The names of all parameters.
    pub(crate) const NAMES: [&str; 17] = [
        "model",
        "scale",
        "size",
        "fit",
        "long_side",
        "short_side",
        "max_pixels",
        "format",
        "quality",
        "depth",
        "precision",
        "metadata",
        "codec",
        "crf",
        "start",
        "end",
        "deinterlace",
    ];

    /// Sets a parameter by its name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Read<()> {
        let field = match name {
            "model" => &mut self.model,
            "scale" => &mut self.scale,
            "size" => &mut self.size,
            "fit" => &mut self.fit,
            "long_side" => &mut self.long_side,
            "short_side" => &mut self.short_side,
            "max_pixels" => &mut self.max_pixels,
            "format" => &mut self.format,
            "quality" => &mut self.quality,
            "depth" => &mut self.depth,
            "precision" => &mut self.precision,
            "metadata" => &mut self.metadata,
            "codec" => &mut self.codec,
            "crf" => &mut self.crf,
            "start" => &mut self.start,
            "end" => &mut self.end,
            "deinterlace" => &mut self.deinterlace,
            _ => {
                let known = Self::NAMES.join(", ");
                return Err(Refusal::invalid(format!("there is no parameter {name:?}; there are {known}")));
            }
        };
        if field.is_some() {
            return Err(Refusal::invalid(format!("{name} is given twice")));
        }
        *field = Some(value.to_owned());
        Ok(())
    }

    /// Asks for the format that the name of the result's file says, if none is asked for.
    pub(crate) fn default_format(&mut self, file: &str) {
        let file = Path::new(file);
        let extension =
            file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let is_known =
            |extension: &String| images::by_extension(extension).is_some() || Container::of(file).is_some();
        self.format = self.format.take().or(extension.filter(is_known));
    }

    /// Whether a size is asked for.
    pub(crate) fn has_size(&self) -> bool {
        [&self.scale, &self.size, &self.long_side, &self.short_side].into_iter().any(Option::is_some)
    }

    /// Understands the parameters; `model` is the name of the usual model.
    pub(crate) fn recipe(&self, model: &str) -> Read<Recipe> {
        let fields =
            [&self.scale, &self.size, &self.long_side, &self.short_side, &self.max_pixels, &self.model];
        if fields.into_iter().flatten().any(|value| value.len() > LONGEST) {
            return Err(Refusal::invalid("a parameter is too long"));
        }
        let max_pixels = read("max_pixels", &self.max_pixels, whole)?;
        let quality = read("quality", &self.quality, |text| match text.parse() {
            Ok(quality @ 1..=100) => Ok(quality),
            _ => Err("a number from 1 to 100"),
        })?;
        let depth = read("depth", &self.depth, |text| match text {
            "8" => Ok(Depth::U8),
            "16" => Ok(Depth::U16),
            _ => Err("8 or 16"),
        })?;
        let precision = read("precision", &self.precision, |text| match text {
            "fast" => Ok(Precision::Fast),
            "exact" => Ok(Precision::Exact),
            "full" => Ok(Precision::Full),
            "strict" => Ok(Precision::Strict),
            _ => Err("fast, exact, full or strict"),
        })?;
        let strip = read("metadata", &self.metadata, |text| match text {
            "keep" => Ok(false),
            "strip" => Ok(true),
            _ => Err("keep or strip"),
        })?;
        let (format, container) = self.format()?;
        let strip = strip.unwrap_or(false);
        Ok(Recipe {
            model: self.model.clone().unwrap_or_else(|| model.to_owned()),
            target: Target { size: self.size()?, max_pixels },
            writing: Writing { format, depth, quality, strip, ..Writing::default() },
            precision,
            container,
            film: self.film()?,
        })
    }

    fn film(&self) -> Read<FilmWish> {
        let codec = read("codec", &self.codec, |text| {
            let sound =
                text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            if sound && !text.starts_with('-') { Ok(text.to_owned()) } else { Err("the name of a codec") }
        })?;
        let time = |name, value: &Option<String>| {
            read(name, value, |text| match text.parse() {
                Ok(seconds) if (0.0..1e9).contains(&seconds) => Ok(seconds),
                _ => Err("a number of seconds"),
            })
        };
        let (start, end) = (time("start", &self.start)?, time("end", &self.end)?);
        if start.zip(end).is_some_and(|(start, end)| start >= end) {
            return Err(Refusal::invalid("start is before end"));
        }
        Ok(FilmWish {
            codec,
            crf: read("crf", &self.crf, |text| text.parse().map_err(|_| "a whole number"))?,
            start,
            end,
            deinterlace: read("deinterlace", &self.deinterlace, |text| {
                text.parse().map_err(|_| "true or false")
            })?
            .unwrap_or(false),
        })
    }

    fn size(&self) -> Read<Option<Size>> {
        let fit = read("fit", &self.fit, |text| match text {
            "contain" => Ok(Fit::Contain),
            "cover" => Ok(Fit::Cover),
            "stretch" => Ok(Fit::Stretch),
            _ => Err("contain, cover or stretch"),
        })?;
        let scale =
            read("scale", &self.scale, |text| match text.strip_suffix('x').unwrap_or(text).parse() {
                Ok(scale) if scale > 0.0 && f64::is_finite(scale) => Ok(Size::Scale(scale)),
                _ => Err("a number above 0"),
            })?;
        let size = read("size", &self.size, |text| sides(text, fit.unwrap_or_default()))?;
        let long = read("long_side", &self.long_side, side)?.map(Size::LongSide);
        let short = read("short_side", &self.short_side, side)?.map(Size::ShortSide);
        if fit.is_some() && !matches!(size, Some(Size::Exact { .. })) {
            return Err(Refusal::invalid("fit needs a size with a width and a height"));
        }
        let mut given = [scale, size, long, short].into_iter().flatten();
        match (given.next(), given.next()) {
            (size, None) => Ok(size),
            _ => Err(Refusal::invalid("only one of scale, size, long_side and short_side can be given")),
        }
    }

    /// The format of pictures, and what videos are put into.
    fn format(&self) -> Read<(Choice, Option<&'static Container>)> {
        let Some(name) = &self.format else { return Ok((Choice::Same, None)) };
        if let Ok(choice) = name.parse() {
            return Ok((choice, None));
        }
        let lower = name.to_ascii_lowercase();
        let container = CONTAINERS.iter().find(|container| container.extensions.contains(&lower.as_str()));
        container.map(|container| (Choice::Same, Some(container))).ok_or_else(|| {
            let videos: Vec<_> = CONTAINERS.iter().map(|container| container.extensions[0]).collect();
            let (pictures, videos) = (writable(), videos.join(", "));
            Refusal::invalid(format!(
                "format cannot be {:?}; there are {pictures}, and for videos {videos}",
                shortened(name)
            ))
        })
    }
}

fn read<T>(
    name: &str,
    text: &Option<String>,
    read: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Read<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let value = read(text.trim());
    value.map(Some).map_err(|what| Refusal::invalid(format!("{name} is {what}, not {:?}", shortened(text))))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn whole(text: &str) -> Result<u64, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("a whole number above 0")
}

fn side(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("a whole number of pixels above 0")
}

fn sides(text: &str, fit: Fit) -> Result<Size, &'static str> {
    let wrong = "3840x (wide), x2160 (high) or 1920x1080";
    let side = |text: &str| side(text).map_err(|_| wrong);
    match text.split_once('x').ok_or(wrong)? {
        ("", height) => side(height).map(Size::Height),
        (width, "") => side(width).map(Size::Width),
        (width, height) => Ok(Size::Exact { width: side(width)?, height: side(height)?, fit }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_its_format_unless_one_is_asked_for() {
        for (asked, file, format) in [
            (None, "a.JPG", Some("jpg")),
            (None, "a.b.mp4", Some("mp4")),
            (None, "a.cbz", None),
            (None, "a", None),
            (Some("png"), "a.jpg", Some("png")),
        ] {
            let mut wish = Wish { format: asked.map(str::to_owned), ..Wish::default() };
            wish.default_format(file);
            assert_eq!(wish.format.as_deref(), format, "{file}");
            wish.recipe("usual").expect(file);
        }
    }

    fn wish(parameters: &[(&str, &str)]) -> Read<Recipe> {
        let mut wish = Wish::default();
        for (name, value) in parameters {
            wish.set(name, value)?;
        }
        wish.recipe("usual")
    }

    #[test]
    fn parameters_mean_what_they_say() {
        let recipe = wish(&[("scale", "2.5"), ("format", "JPG"), ("quality", "80")]).expect("sound");
        assert_eq!(recipe.target.size, Some(Size::Scale(2.5)));
        assert_eq!(
            (recipe.writing.format, recipe.writing.quality),
            ("jpg".parse().expect("a format"), Some(80))
        );
        let recipe =
            wish(&[("format", "MP4"), ("codec", "hevc"), ("crf", "20"), ("end", "1.5")]).expect("sound");
        assert_eq!(recipe.container.map(|container| container.muxer), Some("mp4"));
        assert_eq!(
            (recipe.film.codec.as_deref(), recipe.film.crf, recipe.film.end),
            (Some("hevc"), Some(20), Some(1.5))
        );
        assert_eq!(recipe.model, "usual");
        let recipe = wish(&[("size", "640x480"), ("fit", "cover"), ("model", "anime")]).expect("sound");
        let cover = Size::Exact { width: 640, height: 480, fit: Fit::Cover };
        assert_eq!((recipe.target.size, recipe.model.as_str()), (Some(cover), "anime"));
        assert_eq!(wish(&[]).expect("sound").target, Target::default());
    }

    #[test]
    fn recipes_can_be_written_down_for_others() {
        let wishes: &[&[(&str, &str)]] = &[
            &[],
            &[
                ("scale", "2.5"),
                ("format", "jpeg"),
                ("quality", "80"),
                ("depth", "8"),
                ("precision", "exact"),
            ],
            &[("size", "640x480"), ("fit", "cover"), ("model", "anime"), ("metadata", "strip")],
            &[("size", "640x"), ("max_pixels", "1000"), ("depth", "16")],
            &[("size", "x480")],
            &[("long_side", "7")],
            &[("short_side", "7")],
            &[("codec", "hevc"), ("crf", "20"), ("start", "0.1"), ("end", "1.5"), ("deinterlace", "true")],
        ];
        for parameters in wishes {
            let mut recipe = wish(parameters).expect("sound");
            let written = recipe.parameters(Some("webp"));
            let again: Vec<_> = written.iter().map(|(name, value)| (*name, value.as_str())).collect();
            recipe.writing.format = "webp".parse().expect("a format");
            assert_eq!(wish(&again).expect("sound"), recipe, "{written:?}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_name_of_the_parameter() {
        let wrong: &[&[(&str, &str)]] = &[
            &[("scale", "0")],
            &[("scale", "nan")],
            &[("scale", "2"), ("size", "3x3")],
            &[("size", "3")],
            &[("size", "-3x3")],
            &[("fit", "cover")],
            &[("quality", "0")],
            &[("depth", "12")],
            &[("precision", "perfect")],
            &[("metadata", "maybe")],
            &[("format", "gif87")],
            &[("codec", "-f")],
            &[("crf", "low")],
            &[("start", "2"), ("end", "1")],
            &[("deinterlace", "maybe")],
            &[("scale", "2"), ("scale", "3")],
            &[("colour", "red")],
        ];
        for parameters in wrong {
            let refusal = wish(parameters).expect_err("nonsense");
            assert!(refusal.detail.contains(parameters[0].0), "{refusal}");
        }
    }
}
