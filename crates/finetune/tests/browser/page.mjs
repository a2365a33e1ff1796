// Uses the page as a person would, in a real browser, and prints what was seen as JSON.
//
//     node page.mjs PLAYWRIGHT CHROMIUM ADDRESS FILE [PICTURES]
//
// PLAYWRIGHT is the module playwright-core, ADDRESS a server's page, FILE one that `inspect` wrote. With a folder for PICTURES each view
// is drawn there, wide and narrow, light and dark. The README's picture is write-1280-light.png of `serve --weights runs/finetune`, the
// folder of the default fine-tuning.
import { pathToFileURL } from "node:url";

const [playwright, executablePath, address, file, pictures] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(playwright));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const seen = { errors: [], foreign: [] };

async function open(url, options) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL("/", url)) && !request.url().startsWith("data:")) seen.foreign.push(request.url());
  });
  await page.goto(url);
  return page;
}

async function write(page, prompt, pointed) {
  await page.fill("#prompt", prompt);
  await page.fill("#length", "12");
  await page.click("#go");
  await page.waitForSelector("#more:enabled");
  await page.locator("#text .token:enabled").nth(pointed).hover();
  await page.waitForSelector("#place .bars button");
  await page.waitForFunction(() => document.querySelector("#place p").textContent.includes("sliders"));
}

async function use(page) {
  await page.click("#tab-look");
  await page.waitForSelector("#lens table"); // of the text that stands there
  seen.readers = await page.locator("#head .map div:first-child span").count();
  await page.click("#tab-write");
  await write(page, "Once upon a time", 3);
  const tokens = page.locator("#text .token:enabled");
  seen.tokens = await tokens.count();
  const chances = () => page.locator("#place .bars span:last-child").allTextContents();
  const before = await chances();
  seen.alternatives = before.length;
  await page.locator("#temperature").fill("0");
  seen.redrawn = String(before) !== String(await chances());
  seen.greedy = (await chances())[0];
  const branches = () => page.locator("#branches li").count();
  const trunk = await branches();
  await page.locator("#place .bars button[aria-pressed=false]").first().click();
  await page.waitForSelector("#more:enabled");
  seen.branches = (await branches()) - trunk;
  await page.keyboard.press("Escape");
  await tokens.nth(0).focus();
  await page.keyboard.press("ArrowRight");
  seen.keyboard = await page.evaluate(() => [...document.querySelectorAll("#text .token:enabled")].indexOf(document.activeElement));
  await look(page, async () => {
    const before = await page.locator("#look-tokens button").count();
    await page.click("#look-at");
    await page.waitForFunction((count) => document.querySelectorAll("#look-tokens button").length !== count, before);
    seen.lookedAt = (await page.inputValue("#look-text")).slice(0, 16);
  });
  await page.click("#tab-compare");
  await page.click("#both-measure");
  await page.waitForFunction(() => /bits a byte/.test(document.querySelector("#view-compare").textContent));
  await page.click("#tab-watch");
  await page.waitForFunction(() => document.querySelector("#run-state").textContent !== "");
}

async function look(page, begin) {
  await begin();
  await page.waitForSelector("#lens table");
  seen.heads = await page.locator("#heads button").count();
  await page.locator("#heads button").last().click();
  seen.head = await page.locator("#head h2").textContent();
  seen.lines = await page.locator("#head line").count();
  seen.ranks = await page.locator("#ranks tbody tr").count();
  seen.depths = await page.locator("#lens thead th").count();
}

async function draw(name, options) {
  const page = await open(address, options);
  const picture = (view) => page.screenshot({ path: `${pictures}/${view}-${name}.png`, fullPage: true });
  await write(page, "Which of these is an animal: hen or hammer?", 1);
  await page.locator("#place .bars button[aria-pressed=false]").nth(2).click();
  await page.waitForSelector("#more:enabled");
  await page.locator("#text .token:enabled").nth(1).focus();
  await page.waitForFunction(() => document.querySelector("#place p").textContent.includes("sliders"));
  await picture("write");
  await page.click("#tab-look");
  await look(page, () => page.click("#look"));
  await picture("look");
  await page.click("#tab-compare");
  await page.click("#both-measure");
  await page.waitForFunction(() => document.querySelectorAll("#view-compare .half p:not(:empty)").length === 2);
  await picture("compare");
  await page.click("#tab-watch");
  await page.waitForFunction(() => document.querySelector("#run-state").textContent !== "");
  await picture("watch");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  if (wide) seen.errors.push(`${name} is wider than its window`);
  await page.close();
}

try {
  await use(await open(address));
  const alone = await open(pathToFileURL(file).href);
  await alone.waitForSelector("#lens table");
  seen.alone = await alone.locator("#heads button").count();
  if (pictures)
    for (const colorScheme of ["light", "dark"])
      for (const width of [1280, 400]) await draw(`${width}-${colorScheme}`, { colorScheme, viewport: { width, height: 900 } });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
