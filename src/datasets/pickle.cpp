#include "datasets/pickle.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/error.h"

namespace cape::datasets::pickle {
namespace {

// CIFAR-100 has half a million. Without a limit, a file of small values would
// take a hundred times its size in memory.
constexpr std::size_t kMostOperations = 4'000'000;

constexpr std::uint8_t kProtocol = 2;

/// A pickle is a program for this machine, which has a stack of values with
/// marks in it, and a memo.
class Machine {
 public:
  Machine(const File& file, std::deque<Value>& values)
      : name_(file.name), bytes_(file.bytes), values_(values) {}

  const Value* run() {
    if (next_byte() != 0x80 || next_byte() > kProtocol)
      fail_here("no pickle of protocol 2");
    for (std::size_t i = 0; i < kMostOperations; ++i) {
      const char operation = static_cast<char>(next_byte());
      if (operation == '.') return pop();
      if (!push_scalar(operation) && !push_container(operation) &&
          !fill_container(operation) && !use_memo(operation) &&
          !make_object(operation)) {
        fail_here("an operation that is not of plain data");
      }
    }
    fail_here("more values than any known data set has");
  }

 private:
  [[noreturn]] void fail_here(const std::string& problem) const {
    fail_user(
        "{}: {} at byte {}; is this the official file? Copy or download it "
        "again",
        name_, problem, at_);
  }

  Bytes next(std::size_t size) {
    if (size > bytes_.size() - at_) fail_here("truncated");
    at_ += size;
    return bytes_.part(at_ - size, size);
  }
  std::uint8_t next_byte() { return next(1)[0]; }

  /// A little-endian number of up to four bytes.
  std::uint32_t next_number(std::size_t size) {
    const Bytes bytes = next(size);
    std::uint32_t number = 0;
    for (std::size_t i = size; i-- > 0;) number = number << 8 | bytes[i];
    return number;
  }

  std::string next_line() {
    const auto* const begin = bytes_.begin() + at_;
    const auto* const end = std::find(begin, bytes_.end(), '\n');
    const Bytes line = next(static_cast<std::size_t>(end - begin));
    next_byte();
    return {line.begin(), line.end()};
  }

  bool push(Value value) {
    values_.push_back(std::move(value));
    stack_.push_back(&values_.back());
    return true;
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  Value* pop() {
    if (stack_.size() <= floor()) fail_here("nothing on the stack");
    Value* const value = stack_.back();
    stack_.pop_back();
    return value;
  }

  /// Removes and returns what is above the last mark.
  std::vector<const Value*> pop_to_mark() {
    if (marks_.empty()) fail_here("no mark on the stack");
    const auto first =
        stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const Value*> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  std::vector<const Value*> pop_some(std::size_t count) {
    std::vector<const Value*> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  template <class T>
  T& top() {
    Value* const value = pop();
    stack_.push_back(value);
    T* const data = std::get_if<T>(&value->data);
    if (!data) fail_here("a value of the wrong type on the stack");
    return *data;
  }

  bool push_scalar(char operation) {
    switch (operation) {
      case 'N':
        return push({None{}});
      case '\x88':
        return push({true});
      case '\x89':
        return push({false});
      case 'J':
        return push({std::int64_t{static_cast<std::int32_t>(next_number(4))}});
      case 'K':
        return push({std::int64_t{next_byte()}});
      case 'M':
        return push({std::int64_t{next_number(2)}});
      case 'T':  // a str of Python 2
      case 'X':  // unicode
        return push({String{next(next_number(4))}});
      case 'U':
        return push({String{next(next_byte())}});
      default:
        return false;
    }
  }

  bool push_container(char operation) {
    switch (operation) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
        return push({Tuple{}});
      case 't':
        return push({Tuple{pop_to_mark()}});
      case '\x85':
        return push({Tuple{pop_some(1)}});
      case '\x86':
        return push({Tuple{pop_some(2)}});
      case '\x87':
        return push({Tuple{pop_some(3)}});
      case ']':
        return push({List{}});
      case '}':
        return push({Dictionary{}});
      default:
        return false;
    }
  }

  bool fill_container(char operation) {
    switch (operation) {
      case 'a':
        return append(pop_some(1));
      case 'e':
        return append(pop_to_mark());
      case 's':
        return insert(pop_some(2));
      case 'u':
        return insert(pop_to_mark());
      default:
        return false;
    }
  }

  bool append(const std::vector<const Value*>& added) {
    std::vector<const Value*>& items = top<List>().items;
    items.insert(items.end(), added.begin(), added.end());
    return true;
  }

  bool insert(const std::vector<const Value*>& added) {
    if (added.size() % 2 != 0) fail_here("a key without a value");
    auto& items = top<Dictionary>().items;
    for (std::size_t i = 0; i < added.size(); i += 2)
      items.emplace_back(added[i], added[i + 1]);
    return true;
  }

  bool use_memo(char operation) {
    switch (operation) {
      case 'q':
        return store(next_byte());
      case 'r':
        return store(next_number(4));
      case 'h':
        return recall(next_byte());
      case 'j':
        return recall(next_number(4));
      default:
        return false;
    }
  }

  bool store(std::uint32_t slot) {
    Value* const value = pop();
    stack_.push_back(value);
    memo_[slot] = value;
    return true;
  }

  bool recall(std::uint32_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail_here("an unknown place of the memo");
    stack_.push_back(found->second);
    return true;
  }

  bool make_object(char operation) {
    switch (operation) {
      case 'c':
        return push({next_global()});
      case 'R':
        return reduce();
      case 'b':
        return build();
      default:
        return false;
    }
  }

  Global next_global() {
    const std::string module = next_line();
    const std::string name = next_line();
    const bool inner =
        module == "numpy.core.multiarray" || module == "numpy._core.multiarray";
    if (inner && name == "_reconstruct") return Global::reconstruct;
    if (module == "numpy" && name == "ndarray") return Global::ndarray;
    if (module == "numpy" && name == "dtype") return Global::dtype;
    fail_here(fmt::format("the function or class {}.{}, which is refused,",
                          module.substr(0, 64), name.substr(0, 64)));
  }

  /// numpy's _reconstruct(ndarray, (0,), 'b'), which makes an array that gets
  /// its data later, or dtype('u1', 0, 1).
  bool reduce() {
    const std::vector<const Value*> call = pop_some(2);
    const auto* const function = std::get_if<Global>(&call[0]->data);
    const auto* const arguments = std::get_if<Tuple>(&call[1]->data);
    if (!function || !arguments || arguments->items.empty())
      fail_here("a call that makes no array");
    const Value& first = *arguments->items[0];
    if (*function == Global::reconstruct) {
      const auto* const type = std::get_if<Global>(&first.data);
      if (type && *type == Global::ndarray) return push({Array{}});
    } else if (*function == Global::dtype) {
      const auto* const code = std::get_if<String>(&first.data);
      if (code && code->text() == "u1") return push({UnsignedByte{}});
      fail_here("an array that is not of unsigned bytes");
    }
    fail_here("a call that makes no array");
  }

  bool build() {
    const Value* const state = pop();
    Value* const object = pop();
    stack_.push_back(object);
    // The state of a type is its byte order, which single bytes do not have.
    if (std::holds_alternative<UnsignedByte>(object->data)) return true;
    auto* const array = std::get_if<Array>(&object->data);
    const auto* const tuple = std::get_if<Tuple>(&state->data);
    if (!array || !tuple || !fill(*array, tuple->items))
      fail_here("no state of an array of unsigned bytes in rows");
    return true;
  }

  /// `state`: version, shape, type, whether columns come first, bytes.
  static bool fill(Array& array, const std::vector<const Value*>& state) {
    if (state.size() != 5) return false;
    const auto* const shape = std::get_if<Tuple>(&state[1]->data);
    const auto* const columns_first = std::get_if<bool>(&state[3]->data);
    const auto* const bytes = std::get_if<String>(&state[4]->data);
    if (!shape || !std::holds_alternative<UnsignedByte>(state[2]->data) ||
        !columns_first || *columns_first || !bytes) {
      return false;
    }
    array.shape.clear();
    std::int64_t size = 1;
    const auto most = static_cast<std::int64_t>(bytes->bytes.size());
    for (const Value* const item : shape->items) {
      const auto* const extent = std::get_if<std::int64_t>(&item->data);
      if (!extent || *extent < 1 || *extent > most / size) return false;
      array.shape.push_back(*extent);
      size *= *extent;
    }
    array.bytes = bytes->bytes;
    return size == most;
  }

  const std::string& name_;
  const Bytes& bytes_;
  std::deque<Value>& values_;
  std::size_t at_ = 0;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Value*> memo_;
};

}  // namespace

Document::Document(const File& file) : name_(file.name) {
  root_ = Machine(file, values_).run();
}

const Value& Document::find(std::string_view key) const {
  const auto* const dictionary = std::get_if<Dictionary>(&root_->data);
  if (!dictionary) fail_user("{}: its pickle is no dictionary", name_);
  for (const auto& [name, value] : dictionary->items) {
    const auto* const text = std::get_if<String>(&name->data);
    if (text && text->text() == key) return *value;
  }
  fail_user("{}: its dictionary has no '{}'; is it another data set's file?",
            name_, key);
}

void Document::fail_type(std::string_view key) const {
  fail_user("{}: '{}' in its dictionary is of an unexpected type", name_, key);
}

}  // namespace cape::datasets::pickle
