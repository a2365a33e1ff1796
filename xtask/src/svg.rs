//! What the figures of recordings have in common; those of demos are drawn by the demos.

pub const WIDTH: f64 = 640.0;

/// The colors on a light and on a dark page, as the demos have them.
const STYLE: &str = ".gray{color:#5f6773}.blue{color:#2b6a9b}.orange{color:#b45309}rect,text{fill:currentColor}\
    polyline{fill:none;stroke:currentColor}@media(prefers-color-scheme:dark){.gray{color:#a9b1bd}.blue{color:#6db3dd}\
    .orange{color:#f0a050}}";

/// A figure, with what a screen reader says of it.
pub fn figure(title: &str, description: &str, height: f64, drawn: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"15\" role=\"img\">\n\
         <title>{title}</title>\n<desc>{description}</desc>\n<style>{STYLE}</style>\n{drawn}</svg>\n"
    )
}

/// Words at a place; `how` are further attributes, such as the anchor and the class that gives the color.
pub fn text(x: f64, y: f64, how: &str, words: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {how}>{words}</text>\n")
}
