// The workbench: a state, which is a run or two, and the page that shows it. Python runs and draws; see workbench.py.

const CHECK_AFTER = 140; // ms
const MOST_UNDO = 100;
const LARGEST_FILE = 8e6; // bytes

function workbenchStart(root, server) {
  const find = (id) => root.querySelector(`#${id}`);
  const start = JSON.parse(find("wb-start").textContent);
  const images = start.images;
  const question = find("wb-question");
  const program = find("wb-program");
  const result = find("wb-result");
  const past = [];
  let state = null;
  let ticket = 0;
  let busy = 0;

  // The state, and its address

  function fresh(image) {
    const own = images.find((each) => each.name === image) || images[0];
    return {
      image: own.name, eyes: own.eyes[0], policy: "lazy", question: own.questions[own.questions.length - 1] || "",
      program: "", suppose: [], node: null, beside: null, doubt: null, budget_ms: null,
    };
  }

  function fromAddress() {
    if (location.hash.length < 2) return null;
    try {
      return readState(JSON.parse(decodeURIComponent(location.hash.slice(1))));
    } catch (error) {
      return null;
    }
  }

  // Anybody can write an address: what is not of the kind that it should be is left out.
  function readState(read) {
    if (!read || typeof read !== "object" || Array.isArray(read)) return null;
    const known = { ...fresh(read.image), question: "" };
    ["image", "eyes", "policy", "question", "program"].forEach((name) => {
      if (typeof read[name] === "string") known[name] = read[name];
    });
    ["doubt", "budget_ms"].forEach((name) => {
      if (typeof read[name] === "number") known[name] = read[name];
    });
    if (Number.isInteger(read.node)) known.node = read.node;
    if (Array.isArray(read.suppose)) known.suppose = read.suppose.filter(isSupposition);
    if (read.beside) known.beside = readState(read.beside);
    return known.question || known.program ? known : null;
  }

  function remember() {
    const kept = Object.fromEntries(Object.entries(state).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length)));
    history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify(kept))}`);
  }

  function change(changes) {
    past.push(JSON.stringify(state));
    if (past.length > MOST_UNDO) past.shift();
    state = { ...state, ...changes };
    return run();
  }

  function undo() {
    if (!past.length) return;
    state = JSON.parse(past.pop());
    run();
  }

  // Running

  async function call(name, record) {
    say(++busy ? "Running …" : "");
    root.setAttribute("aria-busy", "true");
    try {
      return await server[name](record);
    } catch (error) {
      return { error: { message: "The server does not answer; is it still running?", about: "", start: null, pointer: null } };
    } finally {
      if (!--busy) {
        say("");
        root.removeAttribute("aria-busy");
      }
    }
  }

  function say(words) {
    find("wb-status").textContent = words;
  }

  async function run() {
    const own = ++ticket;
    showControls();
    const reply = await call("ask", state);
    if (own !== ticket) return;
    showProblem(reply.error || null);
    if (reply.error) return;
    remember();
    steps.show(reply); // before the graph is there, which says at once what is selected
    result.innerHTML = reply.html;
    result.className = `wb-result nmn-page nmn-of-${state.beside ? 2 : 1}`;
    result.querySelectorAll("[data-nmn]").forEach(nmnInspect);
    nmnPair(result);
    if (!state.program) writeProgram(reply.program);
    find("wb-actions").hidden = false;
    const article = articleOfRun();
    if (article && article.nmnSelect) steps.select(Number(article.dataset.selected));
  }

  function articleOfRun() {
    const articles = result.querySelectorAll("[data-nmn]");
    return articles[articles.length - 1];
  }

  // What went wrong, at its place

  function showProblem(error) {
    const about = error ? error.about : "";
    const where = about === "program" || (!about && state.program) ? "program" : "question";
    ["question", "program"].forEach((name) => {
      const own = Boolean(error) && name === where;
      const place = find(`wb-${name}-problem`);
      place.hidden = !own;
      place.replaceChildren(...(own ? problemParts(error) : []));
      find(`wb-${name}`).setAttribute("aria-invalid", String(own));
    });
    markProgram(error && where === "program" ? error : null);
    if (error && where === "program") find("wb-editor").open = true;
  }

  function markProgram(error) {
    const mirror = find("wb-mirror");
    mirror.replaceChildren(document.createTextNode(program.value));
    if (!error || error.start === null || !program.value) return;
    const letters = Array.from(program.value);
    const mark = document.createElement("mark");
    mark.textContent = letters.slice(error.start, Math.max(error.end, error.start + 1)).join("") || " ";
    mirror.replaceChildren(letters.slice(0, error.start).join(""), mark, letters.slice(Math.max(error.end, error.start + 1)).join(""));
  }

  function writeProgram(text) {
    program.value = text;
    fitProgram();
    markProgram(null);
  }

  function fitProgram() {
    program.style.height = "auto";
    program.style.height = `${Math.min(program.scrollHeight + 2, 260)}px`;
  }

  let checking = 0;
  program.addEventListener("input", () => {
    fitProgram();
    markProgram(null);
    clearTimeout(checking);
    checking = setTimeout(async () => {
      const text = program.value;
      const reply = await server.check({ program: text }).catch(() => ({}));
      if (program.value !== text) return;
      showProblem(reply.error ? { ...reply.error, about: "program" } : null);
    }, CHECK_AFTER);
  });
  program.addEventListener("scroll", () => (find("wb-mirror").scrollTop = program.scrollTop));

  // Controls

  function showControls() {
    question.value = state.question;
    if (state.program) writeProgram(state.program);
    showPolicy(state);
    find("wb-eyes").value = state.eyes;
    find("wb-undo").disabled = !past.length;
    find("wb-compare").setAttribute("aria-pressed", String(Boolean(state.beside)));
    find("wb-compare").textContent = state.beside ? "Stop comparing" : "Compare";
    const own = images.find((each) => each.name === state.image);
    Array.from(find("wb-eyes").options).forEach((option) => {
      option.hidden = !start.eyes.includes(option.value);
      option.disabled = Boolean(own) && !seenBy(own).includes(option.value);
    });
    root.querySelectorAll("[name=wb-image]").forEach((radio) => (radio.checked = radio.value === state.image));
    find("wb-examples").replaceChildren(...(own ? own.questions : []).map(example));
  }

  function example(words) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.title = words;
    button.addEventListener("click", () => change({ question: words, program: "", suppose: [], node: null }));
    return button;
  }

  function showImages() {
    const label = find("wb-upload-label") || uploadField(upload);
    find("wb-images").replaceChildren(...images.map((each) => imageField(each, chooseImage)), label);
  }

  // Two networks see the same pixels.
  function seenBy(image) {
    return start.eyes.filter((eyes) => image.eyes.includes(eyes.replace("second ", "")));
  }

  function chooseImage(name) {
    const before = images.find((each) => each.name === state.image);
    const next = fresh(name);
    const own = state.question && !(before && before.questions.includes(state.question));
    const eyes = seenBy(images.find((each) => each.name === name)).includes(state.eyes) ? state.eyes : next.eyes;
    const asked = own || !next.question ? state.question : next.question;
    return change({ image: name, eyes, question: asked, program: own || !next.question ? state.program : "", suppose: [], node: null });
  }

  async function upload(file) {
    if (file.size > LARGEST_FILE) return showProblem({ message: "The file is too large: at most 8 MB can be uploaded", about: "question" });
    const address = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.addEventListener("load", () => resolve(reader.result));
      reader.readAsDataURL(file);
    });
    const reply = await call("upload", { address });
    if (reply.error) return showProblem({ ...reply.error, about: "question" });
    images.push(reply.image);
    showImages();
    return chooseImage(reply.image.name);
  }

  const showPolicy = policyFields(root, start.policies, change);
  const steps = workbenchSteps(root, {
    start, change, state: () => state, article: articleOfRun,
    selected: (node) => { state.node = node; afterPaint(remember); },
    menu: (record) => server.menu(record).catch(() => ({})),
  });

  // Events

  find("wb-form").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ question: question.value, program: "", suppose: [], node: null });
  });
  const runProgram = () => change({ program: program.value, node: null, suppose: ofObjects(state.suppose) });
  find("wb-run").addEventListener("click", runProgram);
  program.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) runProgram();
  });
  find("wb-eyes").addEventListener("change", (event) => change({ eyes: event.target.value, suppose: [] }));
  find("wb-undo").addEventListener("click", undo);
  root.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input[type=text], textarea");
    if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !typing) {
      event.preventDefault();
      undo();
    }
  });
  find("wb-compare").addEventListener("click", () => change({ beside: state.beside ? null : { ...state, beside: null } }));
  find("wb-link").addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href).catch(() => null);
    say("The address of this run is in the clipboard.");
  });
  find("wb-download").addEventListener("click", async () => {
    const reply = await call("download", state);
    if (reply.error) return showProblem(reply.error);
    const link = Object.assign(document.createElement("a"), { download: reply.name });
    link.href = URL.createObjectURL(new Blob([reply.html], { type: "text/html" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  find("wb-theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  result.addEventListener("nmn-select", (event) => {
    if (event.target === articleOfRun()) steps.select(event.detail.node);
  });
  window.addEventListener("hashchange", () => {
    const read = fromAddress();
    if (read) change(read);
  });

  function theme(name) {
    document.documentElement.dataset.theme = name;
    document.body.classList.toggle("dark", name === "dark");
  }

  theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.lang = "en";
  completes(question, questionWords(start.words));
  completes(program, programWords(start));
  state = fromAddress() || fresh(images.length > 9 ? images[9].name : undefined);
  showImages();
  run();
}
