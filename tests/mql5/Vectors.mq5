// Reads the wire vectors with the EA's own codec: one line of hex digits in, what it is read as out.
#include <Natron\LineCodec.mqh>

string Numbers(const SLine &line)
  {
   string text="";
   for(int at=0; at<6; at++)
      text+=IntegerToString(line.regime[at])+" ";
   for(int at=0; at<4; at++)
      text+=IntegerToString(line.stamps[at])+" ";
   text+=IntegerToString(line.buy)+" "+IntegerToString(line.sell)+" "+IntegerToString(line.down)+" "+IntegerToString(line.up)+" "+IntegerToString(line.neutral);
   text+=line.has_outlook ? " outlook "+IntegerToString(line.long_win)+" "+IntegerToString(line.short_win)+" "+IntegerToString(line.high_volatility) : "";
   return(text+(line.has_policy ? " policy "+IntegerToString(line.action)+" "+IntegerToString(line.size) : ""));
  }

string Written(const SLine &line)
  {
   string text=line.kind+" "+line.session+" "+IntegerToString(line.seq)+" "+IntegerToString(line.sent_ms)+" "+line.symbol;
   if(line.kind=="E1")
      text+=" "+IntegerToString(line.count);
   if(line.kind=="H1")
      text+=" "+line.client;
   if(line.kind=="S1" || line.kind=="N1")
      text+=" "+line.id+" "+IntegerToString(line.tf_s)+" "+IntegerToString(line.candle_ms)+" "+IntegerToString(line.expires_ms)+" "+IntegerToString(line.n)
            +" "+IntegerToString(line.reasons)+" "+line.bundle+" "+line.feature_set+" "+Numbers(line);
   return(text);
  }

void Bytes(const string hex,uchar &raw[])
  {
   string digits="0123456789abcdef";
   ArrayResize(raw,StringLen(hex)/2);
   for(int at=0; at<StringLen(hex)/2; at++)
      raw[at]=(uchar)(16*StringFind(digits,StringSubstr(hex,2*at,1))+StringFind(digits,StringSubstr(hex,2*at+1,1)));
  }

void OnStart(void)
  {
   int file=FileOpen("vectors.txt",FILE_READ|FILE_TXT|FILE_ANSI);
   while(!FileIsEnding(file))
     {
      string parts[];
      uchar raw[];
      SLine line;
      CLineCodec codec;
      StringSplit(FileReadString(file),' ',parts);
      codec.SetKeys(parts[0],parts[0]);
      Bytes(parts[2],raw);
      bool good=codec.Decode(raw,ArraySize(raw),parts[1]=="H1",line);
      Print(good ? "good "+Written(line) : "broken "+codec.Fault());
     }
   FileClose(file);
   Print("name "+CNameCode::Encode(_Symbol));
  }
