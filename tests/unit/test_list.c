/* test_list.c: the intrusive list. */
#include "unit.h"

#include "lib/base/list.h"

struct item {
  int number;
  struct list node;
};

static void fill(struct list *head, struct item *items, int count) {
  list_init(head);
  for (int i = 0; i < count; i++) {
    items[i].number = i;
    list_init(&items[i].node);
    list_append(head, &items[i].node);
  }
}

static int pop_number(struct list *head) {
  struct list *node = list_pop(head);
  return node ? LIST_ENTRY(node, struct item, node)->number : -1;
}

static void keeps_the_order(void **state) {
  struct list head;
  struct item items[3];
  fill(&head, items, 3);
  assert_int_equal(pop_number(&head), 0);
  assert_int_equal(pop_number(&head), 1);
  assert_int_equal(pop_number(&head), 2);
  assert_int_equal(pop_number(&head), -1);
  assert_true(list_empty(&head));
}

static void removes_from_anywhere(void **state) {
  for (int removed = 0; removed < 3; removed++) {
    struct list head;
    struct item items[3];
    fill(&head, items, 3);
    list_remove(&items[removed].node);
    for (int i = 0; i < 3; i++)
      if (i != removed) assert_int_equal(pop_number(&head), i);
    assert_true(list_empty(&head));
  }
}

static void removing_twice_is_harmless(void **state) {
  struct list head;
  struct item items[2];
  fill(&head, items, 2);
  list_remove(&items[0].node);
  list_remove(&items[0].node);
  assert_true(list_empty(&items[0].node));
  list_append(&head, &items[0].node);
  assert_int_equal(pop_number(&head), 1);
  assert_int_equal(pop_number(&head), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_the_order),
      cmocka_unit_test(removes_from_anywhere),
      cmocka_unit_test(removing_twice_is_harmless),
  };
  return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
