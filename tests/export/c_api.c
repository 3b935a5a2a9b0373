// Loads a SavedModel through TensorFlow's C API and runs one signature on strings.
//
//   c_api SAVED_MODEL [LIBRARY...] -- INPUT_TENSOR VALUE... -- ... -- OUTPUT_TENSOR...
//
// Each group is one input and its values; the last group are the outputs. Each
// output is a line: its values, row by row, between tabs. Libraries are those of operations that
// TensorFlow does not have itself. XLA is off, as in TensorFlow Serving.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/c_api_experimental.h"

enum { kMost = 16 };

static void Check(const char* what, TF_Status* status) {
  if (TF_GetCode(status) == TF_OK) return;
  fprintf(stderr, "%s: %s\n", what, TF_Message(status));
  exit(1);
}

// The tensor that a name such as "serving_default_text:0" means.
static TF_Output Find(TF_Graph* graph, const char* name) {
  char operation[1024];
  snprintf(operation, sizeof operation, "%s", name);
  char* colon = strrchr(operation, ':');
  TF_Output found = {NULL, 0};
  if (colon != NULL) {
    *colon = '\0';
    found.index = atoi(colon + 1);
  }
  found.oper = TF_GraphOperationByName(graph, operation);
  if (found.oper == NULL) {
    fprintf(stderr, "There is no operation %s\n", operation);
    exit(1);
  }
  return found;
}

static TF_Tensor* Strings(char** values, int64_t count) {
  TF_Tensor* tensor =
      TF_AllocateTensor(TF_STRING, &count, 1, count * sizeof(TF_TString));
  TF_TString* strings = TF_TensorData(tensor);
  for (int64_t i = 0; i < count; ++i) {
    TF_StringInit(&strings[i]);
    TF_StringCopy(&strings[i], values[i], strlen(values[i]));
  }
  return tensor;
}

static void Print(const TF_Tensor* tensor) {
  const int64_t count = TF_TensorElementCount(tensor);
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0) putchar('\t');
    if (TF_TensorType(tensor) == TF_STRING) {
      const TF_TString* value = (TF_TString*)TF_TensorData(tensor) + i;
      fwrite(TF_StringGetDataPointer(value), 1, TF_StringGetSize(value), stdout);
    } else if (TF_TensorType(tensor) == TF_FLOAT) {
      printf("%.9g", ((float*)TF_TensorData(tensor))[i]);
    } else if (TF_TensorType(tensor) == TF_INT32) {
      printf("%d", ((int32_t*)TF_TensorData(tensor))[i]);
    } else if (TF_TensorType(tensor) == TF_BOOL) {
      printf("%d", ((unsigned char*)TF_TensorData(tensor))[i]);
    } else {
      fprintf(stderr, "Cannot print a tensor of type %d\n", TF_TensorType(tensor));
      exit(1);
    }
  }
  putchar('\n');
}

int main(int argc, char** argv) {
  TF_Status* status = TF_NewStatus();
  int at = 2;
  for (; at < argc && strcmp(argv[at], "--") != 0; ++at) {
    TF_LoadLibrary(argv[at], status);
    Check("TF_LoadLibrary", status);
  }
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_EnableXLACompilation(options, 0);
  TF_Graph* graph = TF_NewGraph();
  const char* tags[] = {"serve"};
  TF_Session* session =
      TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  Check("TF_LoadSessionFromSavedModel", status);

  TF_Output inputs[kMost], outputs[kMost];
  TF_Tensor *fed[kMost], *fetched[kMost];
  int num_inputs = 0, num_outputs = 0;
  while (at < argc) {
    const int begin = ++at;  // behind the "--"
    while (at < argc && strcmp(argv[at], "--") != 0) ++at;
    if (at < argc) {
      inputs[num_inputs] = Find(graph, argv[begin]);
      fed[num_inputs++] = Strings(argv + begin + 1, at - begin - 1);
    } else {
      for (int i = begin; i < argc; ++i) outputs[num_outputs++] = Find(graph, argv[i]);
    }
  }
  TF_SessionRun(session, NULL, inputs, fed, num_inputs, outputs, fetched, num_outputs, NULL, 0,
                NULL, status);
  Check("TF_SessionRun", status);
  for (int i = 0; i < num_outputs; ++i) Print(fetched[i]);

  for (int i = 0; i < num_inputs; ++i) TF_DeleteTensor(fed[i]);
  for (int i = 0; i < num_outputs; ++i) TF_DeleteTensor(fetched[i]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteGraph(graph);
  TF_DeleteSessionOptions(options);
  TF_DeleteStatus(status);
  return 0;
}
