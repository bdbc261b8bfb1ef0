// Completion: a list of words under a text field, chosen by arrow keys, Enter, Tab or mouse.

const MOST_WORDS = 8;

// candidates(text before the caret) gives { from, words }: what is being written begins at `from`.
function completes(field, candidates, accepted) {
  const list = document.createElement("ul");
  list.className = "wb-completion";
  list.id = `${field.id}-words`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Words");
  list.hidden = true;
  field.after(list);
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-expanded", "false");
  field.setAttribute("aria-controls", list.id);
  let active = -1;
  let from = 0;

  function close() {
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function mark(next) {
    const items = Array.from(list.children);
    active = (next + items.length) % items.length;
    items.forEach((item, place) => item.setAttribute("aria-selected", String(place === active)));
    field.setAttribute("aria-activedescendant", items[active].id);
    items[active].scrollIntoView({ block: "nearest" });
  }

  function take(word) {
    const end = field.selectionStart;
    field.setRangeText(word, from, end, "end");
    close();
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    close();
    if (accepted) accepted();
  }

  function offer() {
    if (field.selectionStart !== field.selectionEnd) return close();
    const found = candidates(field.value.slice(0, field.selectionStart));
    if (!found || !found.words.length) return close();
    from = found.from;
    list.replaceChildren(
      ...found.words.slice(0, MOST_WORDS).map((word, place) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${place}`;
        item.textContent = word;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(word);
        });
        return item;
      }),
    );
    active = -1;
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
  }

  field.addEventListener("input", offer);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(event.key === "ArrowDown" ? active + 1 : active < 0 ? -1 : active - 1);
    } else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) {
      event.preventDefault();
      event.stopPropagation();
      take(list.children[active].textContent);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  });
}

// Words of the domain that go on with what is being written, longer phrases too.
function questionWords(words) {
  return (before) => {
    const match = /[a-z][a-z ]*$/i.exec(before);
    if (!match) return null;
    const parts = match[0].split(" ");
    for (let first = 0; first < parts.length; first += 1) {
      const tail = parts.slice(first).join(" ").toLowerCase();
      const found = tail.length < 2 ? [] : words.filter((word) => word.startsWith(tail) && word !== tail);
      if (found.length) return { from: before.length - tail.length, words: found };
    }
    return null;
  };
}

// Operations, concepts and relations that go on with what is being written.
function programWords(start) {
  const quoted = (word) => (/^[A-Za-z_]\w*$/.test(word) ? word : `"${word}"`);
  const concepts = Object.entries(start.attributes).flatMap(([name, values]) => values.map((value) => `${quoted(name)}=${quoted(value)}`));
  const operations = start.operations.map((each) => `${each.name}${each.says.includes("[attribute]") ? "[" : "("}`);
  const all = [...operations, ...concepts, ...Object.keys(start.relations).map(quoted)];
  return (before) => {
    const bracket = /\[(\w*)$/.exec(before);
    if (bracket) {
      const found = Object.keys(start.attributes).filter((name) => name.startsWith(bracket[1]) && name !== bracket[1]);
      return { from: before.length - bracket[1].length, words: found.map((name) => `${quoted(name)}](`) };
    }
    const match = /[\w="]+$/.exec(before);
    if (!match) return null;
    const found = all.filter((word) => word.startsWith(match[0]) && word !== match[0]);
    const values = concepts.filter((word) => word.split("=")[1].startsWith(match[0]));
    return { from: before.length - match[0].length, words: [...new Set([...found, ...values])] };
  };
}
