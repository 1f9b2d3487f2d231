// Reads the wire vectors with the EA's own classes: a key, what follows, and it in hex digits in; what it is read as out.
// ZF is frames, ZB the same byte by byte; MB is candles as numbers, written out as bytes; C: text to be signed; else a line.
#include <Natron\CandleBytes.mqh>
#include <Natron\LineCodec.mqh>
#include <Natron\ZmtpFrames.mqh>

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
   if(line.kind=="R1")
      text+=" "+IntegerToString(line.tf_s)+" "+IntegerToString(line.candle_ms)+" "+IntegerToString(line.wait_ms)+" "+IntegerToString(line.refused)+" ["+line.refusals+"]";
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

string Hex(const uchar &raw[]) { return(CHmac::Hex(raw)); }

string Message(const CZmtpMessage &message)
  {
   string text="";
   for(int part=0; part<message.Parts(); part++)
     {
      uchar raw[];
      message.Copy(part,raw);
      text+=(part>0 ? "," : "")+"x"+Hex(raw);
     }
   return(text);
  }

//--- what came in pieces of so many bytes: messages, commands, and why it was given up
string Frames(const uchar &raw[],const int piece)
  {
   CZmtpFrames frames;
   CZmtpMessage message;
   CByteBuffer command;
   string messages="";
   string commands="";
   ENUM_ZMTP_ITEM item=ZMTP_ITEM_NONE;
   for(int at=0; at<ArraySize(raw) && item!=ZMTP_ITEM_BROKEN; at+=piece)
     {
      uchar some[];
      int count=MathMin(piece,ArraySize(raw)-at);
      ArrayCopy(some,raw,0,at,count);
      frames.Add(some,count);
      item=frames.Scan(command);
      while(item==ZMTP_ITEM_DATA || item==ZMTP_ITEM_COMMAND)
        {
         if(item==ZMTP_ITEM_COMMAND)
           {
            uchar body[];
            command.Copy(body,0,command.Size());
            commands+=" command "+Hex(body);
           }
         item=frames.Scan(command);
        }
      while(item!=ZMTP_ITEM_BROKEN && frames.Take(message))
         messages+=" message "+Message(message);
      frames.Compact();
     }
   return(item==ZMTP_ITEM_BROKEN ? "broken "+frames.Fault() : "good"+messages+commands);
  }

//--- numbers of candles, each of them eight with commas between, as the bytes that are sent
string Candles(const string text)
  {
   CByteBuffer bulk;
   uchar raw[];
   string candles[];
   int count=StringSplit(text,'/',candles);
   for(int at=0; at<count; at++)
     {
      string values[];
      MqlRates rate;
      StringSplit(candles[at],',',values);
      rate.open=StringToDouble(values[1]);
      rate.high=StringToDouble(values[2]);
      rate.low=StringToDouble(values[3]);
      rate.close=StringToDouble(values[4]);
      rate.tick_volume=StringToInteger(values[5]);
      rate.spread=(int)StringToInteger(values[6]);
      rate.real_volume=StringToInteger(values[7]);
      CCandleBytes::Add(bulk,rate,StringToInteger(values[0]));
     }
   bulk.Copy(raw,0,bulk.Size());
   return("bulk "+Hex(raw)+" "+CHmac::Digest(bulk));
  }

string Read(const string key,const string kind,const string hex)
  {
   uchar raw[];
   SLine line;
   CLineCodec codec;
   if(kind=="MB")
      return(Candles(hex));
   Bytes(hex,raw);
   if(kind=="ZF")
      return(Frames(raw,MathMax(1,ArraySize(raw))));
   if(kind=="ZB")
      return(Frames(raw,1));
   codec.SetKeys(key,key);
   if(kind=="C")
      return("signed "+codec.Sign(CharArrayToString(raw,0,ArraySize(raw))));
   return(codec.Decode(raw,ArraySize(raw),kind=="H1",line) ? "good "+Written(line) : "broken "+codec.Fault());
  }

void OnStart(void)
  {
   int file=FileOpen("vectors.txt",FILE_READ|FILE_TXT|FILE_ANSI);
   while(!FileIsEnding(file))
     {
      string parts[];
      StringSplit(FileReadString(file),' ',parts);
      Print(Read(parts[0],parts[1],parts[2]));
     }
   FileClose(file);
   Print("name "+CNameCode::Encode(_Symbol));
  }
