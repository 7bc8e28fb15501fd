//! What a picture is, its enlargement is: depth, channels, alpha, sizes; and no picture is ever a wrong one.
#![expect(clippy::print_stdout, reason = "the figures are wanted with --nocapture")]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::graph::plan::FusedPlan;
use amplio::graph::{Device, Executable, Precision, Result, StepWatcher, Tensor, reference};
use amplio::media::{Channels, Depth, Header, Image, Metadata, Samples, Transfer};
use amplio::models::Model;
use amplio::{Error, Request, Size, Target, Upscaler};
use amplio_testkit::golden;
use common::{cpu, floats, go_on, model, picture, tensor, upscaler};

fn sized(size: Size) -> Request {
    Request { target: Target { size: Some(size), max_pixels: None }, ..Request::default() }
}

#[test]
fn every_layout_and_depth_stays_what_it_is() {
    for channels in Channels::ALL {
        for depth in [Depth::U8, Depth::U16, Depth::F32] {
            let mut image = picture(19, 13, channels, depth);
            image.metadata = Metadata { icc: Some(vec![1, 2, 3]), ..Metadata::default() };
            let larger =
                upscaler("compact/x2").enlarge(image.clone(), &Request::default(), &go_on).expect("larger");
            assert_eq!((larger.width, larger.height), (38, 26));
            assert_eq!((larger.channels, larger.samples.depth()), (channels, depth));
            assert_eq!(larger.metadata, image.metadata);
        }
    }
}

#[test]
fn colours_are_the_networks_own() {
    let (image, model) = (picture(21, 17, Channels::Rgb, Depth::F32), model("compact/x2"));
    let expected = reference::run(model.graph(), &tensor(&image)).expect("runs");
    let larger = Upscaler::new(model, cpu(2)).enlarge(image, &Request::default(), &go_on).expect("larger");
    let got = tensor(&larger);
    let difference = |(a, b): (&f32, &f32)| (a.clamp(0.0, 1.0) - b).abs();
    let largest = expected.data().iter().zip(got.data()).map(difference).fold(0.0, f32::max);
    assert!(largest < 1e-5, "{largest}");
}

#[test]
fn what_misses_to_a_multiple_is_filled_up_as_the_network_does_it() {
    let odd = ["real-cugan", "nafnet", "fbcnn"].map(|name| golden::cases(&format!("archs/{name}")));
    let odd: Vec<_> = odd.into_iter().flatten().filter(|case| case.name.ends_with("odd-size")).collect();
    assert!(odd.len() > 5, "{} cases", odd.len());
    for case in odd {
        let (input, expected) = (case.input(), case.output());
        let [_, channels, height, width] = input.shape()[..] else { panic!("a picture") };
        let pixel = |i: usize| input.at(&[0, i % channels, i / channels / width, i / channels % width]);
        let samples = Samples::F32((0..height * width * channels).map(pixel).collect());
        let header = Header::new(width as u32, height as u32, Channels::Rgb, Depth::F32);
        let image = Image::new(header, samples).expect("a picture");
        let model = Arc::new(Model::load(&case.file("model.safetensors")).expect("loads"));
        let larger =
            Upscaler::new(model, cpu(2)).enlarge(image, &Request::default(), &go_on).expect("larger");
        let got = tensor(&larger);
        assert_eq!(got.shape(), expected.shape(), "{}", case.name);
        let difference = |(a, b): (&f32, &f32)| (a.clamp(0.0, 1.0) - b).abs();
        let largest = expected.data().iter().zip(got.data()).map(difference).fold(0.0, f32::max);
        assert!(largest < 1e-4, "{}: {largest}", case.name);
    }
}

#[test]
fn a_network_for_grey_takes_each_channel_alone() {
    let image = picture(12, 10, Channels::Rgba, Depth::U8);
    let larger = upscaler("compact/x2-grey").enlarge(image, &Request::default(), &go_on).expect("larger");
    assert_eq!((larger.width, larger.channels), (24, Channels::Rgba));
}

#[test]
fn opaque_alpha_stays_opaque_and_invisible_colours_do_not_bleed_in() {
    let mut image = picture(32, 32, Channels::Rgba, Depth::U8);
    let Samples::U8(samples) = &mut image.samples else { panic!("8 bits") };
    // A white disc on an invisible black ground.
    for (i, pixel) in samples.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((i % 32) as f32 - 15.5, (i / 32) as f32 - 15.5);
        pixel.copy_from_slice(if x.hypot(y) < 10.0 { &[255, 255, 255, 255] } else { &[0, 0, 0, 0] });
    }
    let model = Arc::new(Model::builtin("realesr-general-x4v3").expect("built in"));
    let larger = Upscaler::new(model, cpu(2)).enlarge(image, &Request::default(), &go_on).expect("larger");
    let Samples::U8(samples) = &larger.samples else { panic!("8 bits") };
    let visible = samples.chunks_exact(4).filter(|pixel| pixel[3] > 16);
    let darkest = visible.clone().flat_map(|pixel| &pixel[..3]).min();
    assert!(darkest > Some(&240), "a halo as dark as {darkest:?}");
    assert!(visible.count() > 4000, "the disc is gone");
    assert_eq!(samples[3], 0, "the invisible ground shows");

    let mut opaque = picture(16, 16, Channels::GreyAlpha, Depth::U16);
    let Samples::U16(samples) = &mut opaque.samples else { panic!("16 bits") };
    samples.chunks_exact_mut(2).for_each(|pixel| pixel[1] = u16::MAX);
    let larger = upscaler("compact/x4").enlarge(opaque, &Request::default(), &go_on).expect("larger");
    let Samples::U16(samples) = &larger.samples else { panic!("16 bits") };
    assert!(samples.chunks_exact(2).all(|pixel| pixel[1] == u16::MAX));
}

#[test]
fn any_size_is_reached_by_chained_networks_and_a_resampler() {
    let image = picture(24, 18, Channels::Rgb, Depth::U8);
    for (size, expected) in [
        (Size::Scale(2.0), (48, 36)),
        (Size::Scale(3.5), (84, 63)),
        (Size::Scale(9.0), (216, 162)),
        (Size::Scale(0.5), (12, 9)),
        (Size::Width(100), (100, 75)),
        (Size::Exact { width: 50, height: 50, fit: amplio::Fit::Cover }, (50, 50)),
        (Size::Exact { width: 50, height: 70, fit: amplio::Fit::Stretch }, (50, 70)),
    ] {
        let larger = upscaler("compact/x4").enlarge(image.clone(), &sized(size), &go_on).expect("larger");
        assert_eq!((larger.width, larger.height), expected, "{size:?}");
    }
    let unfit = upscaler("compact/x4").enlarge(image, &sized(Size::Scale(1e7)), &go_on);
    assert!(matches!(unfit, Err(Error::Request { .. })), "{unfit:?}");
}

#[test]
fn the_smallest_pictures_work() {
    for name in ["compact/x4", "esrgan/new-x2-unshuffle", "esrgan/new-x1-unshuffle"] {
        for (width, height) in [(1, 1), (1, 5), (3, 2)] {
            let upscaler = upscaler(name);
            let scale = upscaler.model().info().scale as u32;
            let larger = upscaler.enlarge(
                picture(width, height, Channels::Rgb, Depth::U8),
                &Request::default(),
                &go_on,
            );
            let larger = larger.expect("larger");
            assert_eq!((larger.width, larger.height), (width * scale, height * scale), "{name}");
        }
    }
}

#[test]
fn light_brighter_than_white_survives() {
    let mut image = picture(16, 16, Channels::Rgb, Depth::F32);
    image.transfer = Transfer::Linear;
    let Samples::F32(samples) = &mut image.samples else { panic!("floats") };
    samples.iter_mut().for_each(|v| *v *= 6.0);
    let before = samples.iter().sum::<f32>() / samples.len() as f32;
    let model = Arc::new(Model::builtin("realesr-general-x4v3").expect("built in"));
    let larger = Upscaler::new(model, cpu(2)).enlarge(image, &Request::default(), &go_on).expect("larger");
    let after = floats(&larger).iter().sum::<f32>() / floats(&larger).len() as f32;
    assert_eq!(larger.transfer, Transfer::Linear);
    assert!((after / before - 1.0).abs() < 0.1, "{before} became {after}");
}

/// A device whose networks give one number everywhere.
struct Gives(f32);

struct Constant(f32, amplio::graph::Shape);

impl Device for Gives {
    fn name(&self) -> String {
        "broken".into()
    }

    fn compile(&self, plan: &FusedPlan, _: Precision) -> Result<Box<dyn Executable>> {
        Ok(Box::new(Constant(self.0, plan.output.shape.clone())))
    }
}

impl Executable for Constant {
    fn run_watched(&mut self, _: &Tensor, _: StepWatcher) -> Result<Tensor> {
        Ok(Tensor::zeros(self.1.clone()).map(|_| self.0))
    }
}

#[test]
fn numbers_that_are_no_colours_are_errors() {
    let image = picture(16, 16, Channels::Rgb, Depth::U8);
    let with = |value: f32, image: &Image| {
        Upscaler::new(model("compact/x2"), Arc::new(Gives(value))).enlarge(
            image.clone(),
            &Request::default(),
            &go_on,
        )
    };
    assert!(matches!(with(f32::NAN, &image), Err(Error::NotFinite { .. })));
    assert!(matches!(with(f32::INFINITY, &image), Err(Error::NotFinite { .. })));
    assert!(matches!(with(0.0, &image), Err(Error::Black)));
    let mut opaque = picture(16, 16, Channels::Rgba, Depth::U8);
    let Samples::U8(samples) = &mut opaque.samples else { panic!("8 bits") };
    samples.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
    assert!(matches!(with(0.0, &opaque), Err(Error::Black)), "alpha is no light");
    let black = Image::new(image.header(), Samples::U8(vec![0; 16 * 16 * 3])).expect("black");
    assert!(with(0.0, &black).is_ok(), "black from black is right");
    let dark = Image::new(image.header(), Samples::U8(vec![9; 16 * 16 * 3])).expect("dark");
    assert!(with(0.0, &dark).is_ok(), "so it is from hardly anything");
}

#[test]
fn a_picture_with_numbers_that_are_no_light_is_named() {
    let with = |channels, at: usize, value| {
        let mut image = picture(16, 16, channels, Depth::F32);
        let Samples::F32(samples) = &mut image.samples else { panic!("floats") };
        samples[at] = value;
        upscaler("compact/x2").enlarge(image, &Request::default(), &go_on).expect_err("refused")
    };
    for value in [f32::NAN, f32::INFINITY] {
        let error = with(Channels::Rgb, (3 * 16 + 5) * 3 + 1, value);
        assert_eq!(error.to_string(), format!("the picture has {value} at pixel 5, 3"));
    }
}

#[test]
fn a_watcher_can_stop_the_work() {
    let image = picture(64, 64, Channels::Rgb, Depth::U8);
    let result = upscaler("compact/x4").enlarge(image, &Request::default(), &|_| ControlFlow::Break(()));
    assert!(matches!(result, Err(Error::Stopped)));
}

#[test]
fn real_models_give_the_pictures_of_the_reference() {
    let cache = golden::weights();
    for case in golden::cases("pictures") {
        let weights = cache.join(format!("{}.param", case.expect["weights"].as_str().expect("a name")));
        let model =
            Arc::new(Model::load(&weights).unwrap_or_else(|e| panic!("{e}: run tools/fetch-weights")));
        let read = |name: &str| {
            let bytes = std::fs::read(case.file(name)).expect("a golden picture");
            amplio::media::images::read(&bytes, &amplio::media::images::Limits::default()).expect("a picture")
        };
        let upscaler = Upscaler::new(model, cpu(2));
        let Samples::U8(expected) = read("expected.png").samples else { panic!("8 bits") };
        let differences = |precision: Precision| -> Vec<u8> {
            let request = Request { precision: Some(precision), ..Request::default() };
            let larger = upscaler.enlarge(read("input.png"), &request, &go_on).expect("larger");
            let Samples::U8(got) = larger.samples else { panic!("8 bits") };
            assert_eq!(got.len(), expected.len());
            got.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect()
        };
        for precision in [Precision::Strict, Precision::Full] {
            let differences = differences(precision);
            let count = differences.iter().filter(|d| **d > 0).count();
            println!("{}, {precision}: {count} of {} samples differ", case.name, expected.len());
            assert!(differences.iter().all(|d| *d <= 1), "{}: {:?}", case.name, differences.iter().max());
            assert!(count * 1000 <= expected.len(), "{}: {count} differ", case.name);
        }
        for (precision, least, levels) in [(Precision::Exact, 60.0, 1), (Precision::Fast, 50.0, u8::MAX)] {
            let differences = differences(precision);
            let squares: f64 = differences.iter().map(|d| f64::from(*d).powi(2)).sum();
            let decibels = -10.0 * (squares / (255.0_f64.powi(2) * differences.len() as f64)).log10();
            let most = differences.iter().max().copied().unwrap_or_default();
            println!("{}, {precision}: {decibels:.1} dB, {most} levels at most", case.name);
            assert!(decibels >= least && most <= levels, "{}: {decibels:.1} dB, {most} levels", case.name);
        }
    }
}
