//! Videos through decoder, encoder, segments and muxer, without anything being done to their frames.

#[path = "videos/clips.rs"]
mod clips;

use std::sync::Arc;

use amplio_media::Result;
use amplio_media::videos::{
    Container, Decode, Decoder, Encode, Made, Marked, Mux, OnError, Probe, Segmenter, Tools, Wish, Work, gaps,
};
use clips::{CLIPS, Clip, Folder, told};

/// Frames of a segment.
const LENGTH: u64 = 7;

/// What becomes of a video that is taken apart and put together again.
struct Passage<'a> {
    tools: &'a Tools,
    folder: &'a Folder,
    wish: Wish,
    on_error: OnError,
    /// Stops after so many frames, as if the machine had.
    until: usize,
}

impl Passage<'_> {
    fn run(&self, from: &str, to: &str) -> Result<Vec<i64>> {
        let (from, to) = (self.folder.path(from), self.folder.path(to));
        let probe = Probe::new(self.tools, &from)?;
        let decode = Decode {
            path: from.clone(),
            stream: probe.main,
            video: probe.video.clone(),
            hwaccel: None,
            deinterlace: false,
            on_error: self.on_error,
        };
        let container = Container::like(&to);
        let work = Arc::new(Work::open(&self.folder.path("work"), "key", false)?);
        let (mut repeated, mut colour) = (Vec::new(), None);
        for gap in gaps(&work.segments()) {
            let mut frames = Marked::new(Decoder::new(self.tools, &decode, gap.after.as_ref())?, LENGTH);
            let (size, sample_aspect) = (frames.source().size(), frames.source().sample_aspect());
            let made = Made { video: &probe.video, from: size, sample_aspect, to: size, container };
            let encode = Encode::choose(self.tools, &self.wish, &made)?;
            encode.check(self.tools)?;
            colour = Some(encode.colour);
            let place = (work.clone(), LENGTH, gap.first);
            let what = (self.tools, &encode, probe.video.time_base);
            let mut segments = Segmenter::new(what, place, frames.digests());
            let most = gap.end.map_or(usize::MAX, |end| ((end - gap.first) * LENGTH) as usize);
            for (count, frame) in frames.by_ref().take(most).enumerate() {
                if count == self.until {
                    return Ok(repeated);
                }
                let frame = frame?;
                assert_eq!(frame.format, encode.format, "the encoder takes what the decoder gives");
                segments.push(&frame)?;
            }
            repeated.extend(frames.source().repeated());
            segments.finish(gap.end.is_none(), &[])?;
        }
        let kept = Mux::keeps(self.tools, &from, &probe, container, &self.folder.path("scratch"))?;
        let colour = colour.expect("an encoder");
        let (tools, probe, input) = (self.tools, &probe, &from);
        let mux = Mux { tools, input, probe, container, kept: &kept, colour, part: None };
        let finished = work.segments();
        let segments: Vec<_> = finished.iter().map(|(&n, segment)| (work.packets(n), segment.first)).collect();
        mux.write(&segments, &to)?;
        Arc::into_inner(work).expect("no one else works").remove()?;
        Ok(repeated)
    }
}

fn passage<'a>(tools: &'a Tools, folder: &'a Folder) -> Passage<'a> {
    let wish = Wish { preset: Some("ultrafast".into()), ..Wish::default() };
    Passage { tools, folder, wish, on_error: OnError::Fail, until: usize::MAX }
}

/// A clip in and out: what became of its tags, times and streams that should not have.
fn differences(tools: &Tools, clip: &Clip) -> Vec<String> {
    let folder = Folder::new(clip.name);
    folder.make(clip);
    let out = format!("out.{}", clip.extension());
    let mut passage = passage(tools, &folder);
    passage.wish = clip.wish();
    if let Err(error) = passage.run(clip.name, &out) {
        return vec![error.to_string()];
    }
    assert_eq!(folder.files().len(), 2, "the clip and the result");
    told(&folder.path(&out)).differences(&told(&folder.path(clip.name)))
}

#[test]
fn every_clip_keeps_its_frames_times_streams_and_tags() {
    let tools = Tools::find(None).expect("ffmpeg");
    let there = tools.encoders().expect("encoders");
    let only = std::env::var("CLIP").ok();
    let mut wrong = Vec::new();
    for clip in CLIPS.iter().filter(|clip| only.as_deref().is_none_or(|only| clip.name.starts_with(only))) {
        if clip.encoders.iter().all(|encoder| there.contains(*encoder)) {
            wrong.extend(differences(&tools, clip).into_iter().map(|what| format!("{}: {what}", clip.name)));
        } else {
            assert!(clip.is_rare, "this ffmpeg has not all of {:?}", clip.encoders);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
